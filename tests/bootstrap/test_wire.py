"""Every way a server may frame, cut, close or refuse."""

import json
import socket
import threading

import pytest

from .fake_runtime_api import HUNG_UP, FakeRuntimeAPI, event_headers, http_reply
from .function import ECHO, Function

EVENT = json.dumps({"text": "äöü😀", "number": 1.5}).encode()


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks, with an extension and a trailer."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: 1\r\n\r\n"


def chunked_event(body: bytes, size: int) -> bytes:
    """An event whose body comes in chunks."""
    headers = event_headers() | {"Transfer-Encoding": "chunked"}
    return http_reply(200, headers, chunked(body, size), sized=False)


@pytest.mark.parametrize("piece_bytes", [0, 1, 7])
@pytest.mark.parametrize("chunk_bytes", [0, 1, 5, 1000])
def test_every_framing_delivers_the_same_event(
    any_python: Function, api: FakeRuntimeAPI, piece_bytes: int, chunk_bytes: int
) -> None:
    """Lengths, chunks and single-byte writes make no difference to the handler."""
    any_python.write(ECHO)
    data = chunked_event(EVENT, chunk_bytes) if chunk_bytes else http_reply(200, event_headers(), EVENT)
    api.reply(data, piece_bytes=piece_bytes)
    api.event(b'"next"')
    outcome = any_python.run()
    assert [post.json() for post in outcome.posts] == [json.loads(EVENT), "next"]
    assert {request.connection for request in api.requests} == {1}


def test_one_connection_serves_a_thousand_events(function: Function, api: FakeRuntimeAPI) -> None:
    """Back-to-back events are answered in order, over one kept connection."""
    function.write(ECHO)
    for number in range(1000):
        api.event(str(number).encode(), f"id-{number}")
    outcome = function.run()
    assert [post.json() for post in outcome.posts] == list(range(1000))
    assert [post.path.split("/")[4] for post in outcome.posts] == [f"id-{number}" for number in range(1000)]
    assert {request.connection for request in api.requests} == {1}


def test_nothing_is_asked_before_the_answer_is_taken(function: Function, api: FakeRuntimeAPI) -> None:
    """The order of requests is one GET, one POST, one GET."""
    function.write(ECHO)
    api.event()
    function.run()
    assert [request.method for request in api.requests] == ["GET", "POST", "GET"]


def test_a_server_that_closes_after_each_reply_is_served(any_python: Function, api: FakeRuntimeAPI) -> None:
    """`Connection: close` costs a new connection, nothing else."""
    any_python.write(ECHO)
    for number in range(5):
        api.reply(http_reply(200, event_headers() | {"Connection": "close"}, str(number).encode()), close=True)
        api.post_reply(http_reply(202, {"Connection": "close"}, b"{}"), close=True)
    outcome = any_python.run()
    assert [post.json() for post in outcome.posts] == list(range(5))


def test_a_body_may_end_with_the_connection(function: Function, api: FakeRuntimeAPI) -> None:
    """Without a length and without chunks the event lasts until the server closes."""
    function.write(ECHO)
    api.reply(http_reply(200, event_headers(), EVENT, sized=False), close=True)
    assert function.run().post.json() == json.loads(EVENT)


def test_interim_replies_are_skipped(function: Function, api: FakeRuntimeAPI) -> None:
    """A 1xx reply before the real one changes nothing."""
    function.write(ECHO)
    api.reply(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + chunked_event(EVENT, 9))
    api.post_reply(b"HTTP/1.1 100 Continue\r\n\r\n" + http_reply(202, {}, b""))
    assert function.run().post.json() == json.loads(EVENT)


def test_a_bodiless_reply_needs_no_length(function: Function, api: FakeRuntimeAPI) -> None:
    """204 has no body, so the connection goes on being used."""
    function.write(ECHO)
    api.event()
    api.post_reply(b"HTTP/1.1 204 No Content\r\n\r\n")
    function.run()
    assert {request.connection for request in api.requests} == {1}


def test_http_1_0_is_not_kept_alive(function: Function, api: FakeRuntimeAPI) -> None:
    """A server of the old version closes unless it says otherwise."""
    function.write(ECHO)
    api.reply(http_reply(200, event_headers(), EVENT).replace(b"HTTP/1.1", b"HTTP/1.0"), close=True)
    assert function.run().post.connection == 2


def test_header_names_have_no_case(function: Function, api: FakeRuntimeAPI) -> None:
    """Upper-case and unknown headers are all the same."""
    function.write(ECHO)
    headers = {name.upper(): value for name, value in event_headers().items()} | {"X-FUTURE": "1"}
    api.reply(http_reply(200, headers, b"7"))
    assert function.run().post.body == b"7"


def test_a_connection_lost_while_waiting_is_replaced_once(function: Function, api: FakeRuntimeAPI) -> None:
    """One drop is made good by a second GET."""
    function.write(ECHO)
    api.reply(HUNG_UP, close=True)
    api.event(b"1")
    assert function.run().post.body == b"1"


def test_a_connection_lost_twice_ends_the_process(any_python: Function, api: FakeRuntimeAPI) -> None:
    """There is no loop of reconnects: the second drop in a row is the end, with a message."""
    any_python.write(ECHO)
    api.reply(HUNG_UP, close=True)
    api.reply(HUNG_UP, close=True)
    outcome = any_python.run()
    assert (outcome.status, outcome.stderr.count("\n")) == (1, 1)
    assert outcome.stderr.startswith(f"pilotlight: cannot reach the Runtime API at {api.address}: ")


def test_an_idle_connection_closed_by_the_server_is_replaced_for_an_answer(
    function: Function, api: FakeRuntimeAPI
) -> None:
    """A POST that meets a dead connection is sent again: nobody has read it."""
    function.handler("return 1")
    api.reply(http_reply(200, event_headers(), b"{}"), close=True)
    assert function.run().post.connection == 2


def test_a_large_answer_arrives_whole_at_a_slow_reader(function: Function, api: FakeRuntimeAPI) -> None:
    """Six megabytes cross in as many writes as it takes."""
    function.write(ECHO)
    body = json.dumps("x" * 6_291_454).encode()
    api.event(body)
    assert function.run().post.body == body


def test_an_answer_refused_before_it_was_read_is_heard(function: Function) -> None:
    """A 413 sent on a connection that closes under the body is still understood."""
    function.handler("return 'x' * 20_000_000")
    with socket.create_server(("127.0.0.1", 0)) as server:
        function.environ["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=_refuse_early, args=(server,), daemon=True).start()
        function.start()
        outcome = function.outcome()
    assert "refused /invocation/1/response with 413 too large" in outcome.stderr
    assert outcome.stderr.splitlines()[-1] == "pilotlight: the Runtime API answered 500 to next"


def _refuse_early(server: socket.socket) -> None:
    with server.accept()[0] as first:
        first.recv(65536)
        first.sendall(http_reply(200, event_headers("1"), b"{}"))
        first.recv(1000)
        first.sendall(http_reply(413, {}, b"too large"))
    with server.accept()[0] as second:
        second.recv(65536)
        second.sendall(http_reply(500, {}, b""))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_200_000,
    ],
)
def test_what_is_not_http_ends_the_process(function: Function, api: FakeRuntimeAPI, data: bytes) -> None:
    """A server that talks something else is named and left."""
    function.write(ECHO)
    api.reply(data)
    outcome = function.run()
    assert outcome.status == 1
    assert outcome.stderr.startswith(f"pilotlight: the Runtime API at {api.address} sent what is not HTTP: ")


def test_a_default_timeout_of_the_function_does_not_reach_us(function: Function, api: FakeRuntimeAPI) -> None:
    """socket.setdefaulttimeout() is for the function's own sockets."""
    function.write("import socket\nsocket.setdefaulttimeout(0.01)\n" + ECHO)
    api.reply(http_reply(200, event_headers(), b"1"), before=_wait_longer_than_the_timeout)
    assert function.run().post.body == b"1"
    assert len(api.requests) == 3


def _wait_longer_than_the_timeout() -> None:
    threading.Event().wait(0.1)


def test_proxies_are_ignored(function: Function, api: FakeRuntimeAPI) -> None:
    """Proxy variables are for the function, not for the sandbox's own server."""
    function.write(ECHO)
    function.environ |= {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    api.event(b"1")
    assert function.run().post.body == b"1"


def test_the_address_may_be_a_name(function: Function, api: FakeRuntimeAPI) -> None:
    """A host name is looked up."""
    function.write(ECHO)
    function.environ["AWS_LAMBDA_RUNTIME_API"] = api.address.replace("127.0.0.1", "localhost")
    api.event(b"1")
    assert function.run().post.headers["host"].startswith("localhost:")

"""Every way a server may frame, cut, close or refuse."""

import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from .fake_runtime_api import HUNG_UP, FakeRuntimeAPI, event_headers, http_reply
from .function import ECHO, PATIENCE_S, Function

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


def test_the_identity_is_no_encoding(function: Function, api: FakeRuntimeAPI) -> None:
    """A server that spells out that it does not encode is understood."""
    function.write(ECHO)
    api.reply(http_reply(200, event_headers() | {"Transfer-Encoding": "Identity"}, EVENT))
    assert function.run().post.json() == json.loads(EVENT)


def test_what_nobody_asked_for_answers_nothing(function: Function, api: FakeRuntimeAPI) -> None:
    """Bytes behind a reply are dropped with their connection, and not taken for the reply to the next request."""
    function.write(ECHO)
    api.reply(http_reply(200, event_headers(), EVENT) + http_reply(408, {}, b"too late"))
    api.event(b"2")
    outcome = function.run()
    assert [post.json() for post in outcome.posts] == [json.loads(EVENT), 2]
    assert (outcome.posts[0].connection, outcome.stderr) == (2, "")


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


def test_a_server_that_always_closes_costs_no_descriptors(function: Function, api: FakeRuntimeAPI) -> None:
    """After a thousand connections as many files are open as after the first."""
    function.handler("import os; return len(os.listdir('/proc/self/fd'))")
    closing = http_reply(200, event_headers() | {"Connection": "close"}, b"1")
    for _ in range(500):
        api.reply(closing, close=True)
        api.post_reply(http_reply(202, {"Connection": "close"}, b""), close=True)
    posts = function.run().posts
    assert [post.body for post in posts] == [posts[0].body] * 500
    assert posts[-1].connection == 1000


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


def test_an_event_cut_off_is_asked_for_again(any_python: Function, api: FakeRuntimeAPI) -> None:
    """A connection that ends in the middle of an event is made good like one that ends before it."""
    any_python.handler("return len(event)")
    whole = http_reply(200, event_headers(), json.dumps("x" * 100_000).encode())
    api.reply(whole[:50_000], close=True)
    api.reply(whole)
    outcome = any_python.run()
    assert (outcome.post.body, outcome.stderr) == (b"100000", "")


@pytest.mark.parametrize("cut", [10, 100, -10])
def test_events_that_are_always_cut_off_end_the_process(function: Function, api: FakeRuntimeAPI, cut: int) -> None:
    """In the head or in the body: the handler never sees half an event."""
    function.handler("print('called')")
    api.reply(chunked_event(EVENT, 10)[:cut], close=True)
    api.reply(http_reply(200, event_headers(), EVENT)[:cut], close=True)
    outcome = function.run()
    assert (outcome.status, outcome.stdout, outcome.posts) == (1, "", [])
    assert "it closed the connection" in outcome.stderr


def test_a_freeze_in_the_middle_of_everything_goes_unnoticed(function: Function) -> None:
    """Stopped while it waits, half-way through an event and half-way through its answer, the process goes on after."""
    function.write(ECHO)
    body = json.dumps("x" * 10_000_000).encode()
    event = http_reply(200, event_headers("1"), body)
    with Sandbox(function) as sandbox:
        process = function.start()
        sandbox.accept()
        sandbox.read_head()
        for part in (event[:100], event[100:5_000_000], event[5_000_000:]):
            _freeze(process)
            sender = threading.Thread(target=sandbox.connection.sendall, args=(part,))
            sender.start()
            process.send_signal(signal.SIGCONT)
            sender.join()
        received = sandbox.read_head()
        _freeze(process)
        process.send_signal(signal.SIGCONT)
        while len(received) < len(body):
            received += sandbox.connection.recv(1 << 20)
        assert received == body


def _freeze(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


class Sandbox:
    """A server of one's own, where a script of replies is not enough."""

    def __init__(self, function: Function) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self._connections: list[socket.socket] = []
        function.environ["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (*self._connections, self._listener):
            sock.close()

    @property
    def connection(self) -> socket.socket:
        """The connection taken last."""
        return self._connections[-1]

    def accept(self) -> None:
        """Take the next connection; those before stay as they are."""
        self._connections.append(self._listener.accept()[0])
        self.connection.settimeout(PATIENCE_S)

    def read_head(self) -> bytes:
        """Read up to the end of a head; what came after it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.connection.recv(65536)
        return data.partition(b"\r\n\r\n")[2]


def test_an_idle_connection_closed_by_the_server_is_replaced_for_an_answer(
    function: Function, api: FakeRuntimeAPI
) -> None:
    """A POST that meets a dead connection is sent again: nobody has read it."""
    function.handler("return 1")
    api.reply(http_reply(200, event_headers(), b"{}"), close=True)
    assert function.run().post.connection == 2


def test_a_connection_closed_by_the_function_is_replaced(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Along with all other descriptors, as programs do that become daemons."""
    any_python.handler("import os; os.closerange(3, 1000); return 1")
    api.event()
    api.event()
    outcome = any_python.run()
    assert [post.json() for post in outcome.posts] == [1, 1]
    assert outcome.stderr == ""


def test_a_large_answer_arrives_whole_at_a_slow_reader(function: Function, api: FakeRuntimeAPI) -> None:
    """Six megabytes cross in as many writes as it takes."""
    function.write(ECHO)
    body = json.dumps("x" * 6_291_454).encode()
    api.event(body)
    assert function.run().post.body == body


def test_a_module_of_the_function_is_not_taken_for_one_of_the_library(
    any_python: Function, api: FakeRuntimeAPI
) -> None:
    """What a slow reader makes us import is the library's; the function goes on finding its own."""
    any_python.write("NAME = 'theirs'\n", "select.py")
    any_python.handler("import select; return select.NAME if event else 'x' * 20_000_000")
    for event in (b"1", b"0", b"1"):
        api.event(event)
    first, large, last = any_python.run().posts
    assert (first.json(), len(large.body), last.json()) == ("theirs", 20_000_002, "theirs")


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("size", [100_000, 20_000_000])
def test_an_answer_refused_before_it_was_read_is_heard(any_python: Function, closes: bool, size: int) -> None:
    """A 413 sent in the middle of a body is understood, whether the connection closes under the body or just stays."""
    any_python.handler("return 'x' * event")
    with Sandbox(any_python) as sandbox:
        any_python.start()
        sandbox.accept()
        sandbox.read_head()
        sandbox.connection.sendall(http_reply(200, event_headers("1"), b"%d" % size))
        sandbox.connection.recv(1000)
        sandbox.connection.sendall(http_reply(413, {}, b"too large"))
        if closes:
            sandbox.connection.close()
        if closes or size > 10_000_000:  # less was sent as a whole all the same
            sandbox.accept()
        sandbox.read_head()
        sandbox.connection.sendall(http_reply(204, {}, b""))
        outcome = any_python.outcome()
    assert outcome.stderr.splitlines() == [
        "pilotlight: the Runtime API refused /invocation/1/response with 413 too large",
        "pilotlight: the Runtime API answered 204 to next",
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
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


def test_processes_of_the_function_have_none_of_our_sockets(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Programs that are started with all descriptors inherit none of ours, and forked children drop theirs."""
    any_python.handler("""
        import os, subprocess
        def sockets(pid):
            folder = f"/proc/{pid}/fd"
            links = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder) if os.path.exists(f"{folder}/{fd}")]
            return sum(link.startswith("socket:") for link in links)
        started = subprocess.Popen(["sleep", "60"], close_fds=False)
        read, write = os.pipe()
        forked = os.fork()
        if forked == 0:
            os.write(write, b"%d" % sockets("self"))
            os._exit(0)
        os.waitpid(forked, 0)
        counts = [sockets("self"), sockets(started.pid), int(os.read(read, 9))]
        started.kill()
        started.wait()
        return counts
        """)
    api.event()
    own, started, forked = any_python.run().post.json()
    assert (own, started, forked) == (1, 0, 0)


@pytest.mark.parametrize("ending", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os.execv('/bin/true', ['true'])"])
def test_a_forked_child_may_end_as_it_likes(function: Function, api: FakeRuntimeAPI, ending: str) -> None:
    """The connection of its parent is none of its business."""
    function.handler(f"import os\npid = os.fork()\nif pid == 0: {ending}\nos.waitpid(pid, 0)\nreturn event")
    for number in range(3):
        api.event(b"%d" % number)
    outcome = function.run()
    assert [post.json() for post in outcome.posts] == [0, 1, 2]
    assert {request.connection for request in api.requests} == {1}


@pytest.mark.parametrize("statement", ["return 'child'", "raise ValueError('child')"])
def test_a_forked_child_that_comes_back_does_not_answer(
    any_python: Function, api: FakeRuntimeAPI, statement: str
) -> None:
    """It is said on stderr; the parent's answer is the only one and the next event is the parent's."""
    any_python.handler(f"""
        import os
        pid = os.fork()
        if pid == 0:
            {statement}
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        """)
    api.event()
    api.event()
    outcome = any_python.run()
    assert [post.json() for post in outcome.posts] == [1, 1]
    assert outcome.stderr.count("it should have ended with os._exit()") == 2


def test_the_address_may_be_a_name(function: Function, api: FakeRuntimeAPI) -> None:
    """A host name is looked up."""
    function.write(ECHO)
    function.environ["AWS_LAMBDA_RUNTIME_API"] = api.address.replace("127.0.0.1", "localhost")
    api.event(b"1")
    assert function.run().post.headers["host"].startswith("localhost:")

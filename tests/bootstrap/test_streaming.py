"""Streamed answers: what handlers may write, what goes over the wire, and how a stream ends."""

import asyncio
import base64
import functools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import bootstrap
from bootstrap.streams.streaming import AsyncStreamResponse, _takes_response

from .fake_runtime_api import REQUEST_ID, FakeRuntimeAPI, Request, http_reply
from .function import PATIENCE_S, Function

PRELUDE_END = b"\0" * 8
PLAIN_FORMS = {
    "undecorated generator": """
        def handler(event, context):
            yield "Grüße, "
            yield b"\\xff"
            yield bytearray(b"12")
            yield memoryview(b"34")
        """,
    "decorated generator": """
        import bootstrap
        @bootstrap.stream
        def handler(event, context):
            yield "Grüße, "
            yield b"\\xff"
            yield from (bytearray(b"12"), memoryview(b"34"))
        """,
    "undecorated async generator": """
        import asyncio
        async def handler(event, context):
            for data in ("Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")):
                await asyncio.sleep(0)
                yield data
        """,
    "writer": """
        import bootstrap
        @bootstrap.stream()
        def handler(event, context, response):
            for data in ("Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")):
                assert response.write(data) == len(data)
        """,
    "async writer": """
        import bootstrap
        @bootstrap.stream
        async def handler(event, context, response):
            for data in ("Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")):
                assert await response.write(data) == len(data)
        """,
    "returned iterable": """
        import bootstrap
        @bootstrap.stream
        def handler(event, context):
            return iter(["Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")])
        """,
    "iterable returned by a coroutine": """
        import bootstrap
        @bootstrap.stream
        async def handler(event, context):
            return ["Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")]
        """,
    "async generator returned by a function": """
        import bootstrap
        async def pieces():
            for data in ("Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")):
                yield data
        @bootstrap.stream
        def handler(event, context):
            return pieces()
        """,
    "method": """
        import bootstrap
        class App:
            @bootstrap.stream
            def run(self, event, context, response):
                response.write("Grüße, ")
                yield from (b"\\xff", bytearray(b"12"), memoryview(b"34"))
        handler = App().run
        """,
    "callable object": """
        import bootstrap
        class App:
            async def __call__(self, event, context, response):
                for data in ("Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")):
                    await response.write(data)
        handler = bootstrap.stream(App())
        """,
    "wrapped": """
        import bootstrap, functools
        def logged(function):
            @functools.wraps(function)
            def call(*args):
                return function(*args)
            return call
        @logged
        @bootstrap.stream
        async def handler(event, context, response):
            for data in ("Grüße, ", b"\\xff", bytearray(b"12"), memoryview(b"34")):
                await response.write(data)
        """,
}


def _error(request: Request) -> Any:  # noqa: ANN401 - tests look into it as they please
    return json.loads(base64.b64decode(request.trailers["lambda-runtime-function-error-body"]))


def _split(request: Request) -> tuple[Any, bytes]:
    """Head and body of a streamed HTTP answer."""
    head, end, body = request.body.partition(PRELUDE_END)
    assert end
    return json.loads(head), body


@pytest.mark.parametrize("form", PLAIN_FORMS)
def test_each_form_of_a_handler_streams(function: Function, api: FakeRuntimeAPI, form: str) -> None:
    """Text as UTF-8 and bytes as they are, one chunk each, under the headers of a stream."""
    function.write(PLAIN_FORMS[form])
    api.event(Lambda_Runtime_Invocation_Id="abc")
    post = function.run().post
    assert post.chunks == ["Grüße, ".encode(), b"\xff", b"12", b"34"]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["content-type"] == "application/octet-stream"
    assert post.headers["lambda-runtime-invocation-id"] == "abc"
    assert post.headers["user-agent"].startswith("pilotlight-python/")
    assert post.raw_head.count(b"\r\nTrailer: Lambda-Runtime-Function-Error-") == 2
    assert (post.trailers, post.truncated) == ({}, False)


def test_streams_on_every_interpreter(any_python: Function, api: FakeRuntimeAPI) -> None:
    """One process answers with a stream, an error and a stream, sync and async."""
    any_python.write("""
        import bootstrap
        @bootstrap.http_stream(headers={"x": "y"})
        async def handler(event, context, response):
            if event == 0:
                raise ValueError("before")
            await response.write("a")
            for piece in inner(event):
                await response.write(piece)
        def inner(event):
            yield "b"
            if event == 2:
                raise KeyError("amid")
            yield "c"
        """)
    for event in (b"0", b"1", b"2", b"1"):
        api.event(event)
    before, whole, amid, again = any_python.run().posts
    assert (before.path.rpartition("/")[2], before.json()["errorType"]) == ("error", "ValueError")
    assert _split(whole) == ({"statusCode": 200, "headers": {"x": "y"}, "cookies": []}, b"abc")
    assert (_split(amid)[1], _error(amid)["errorType"]) == (b"ab", "KeyError")
    assert again.body == whole.body


def test_the_first_bytes_go_out_at_once(function: Function, api: FakeRuntimeAPI) -> None:
    """Each piece is here before the handler makes the next one."""
    proofs = [function.root / "first", function.root / "second"]
    seen: list[bytes] = []

    def on_chunk(data: bytes) -> None:
        seen.append(data)
        proofs[len(seen) - 1].touch()

    api.on_chunk = on_chunk
    function.write("""
        import os, time
        def wait(name):
            while not os.path.exists(name):
                time.sleep(0.001)
        def handler(event, context):
            yield "1"
            wait("first")
            yield "2"
            wait("second")
        """)
    api.event()
    assert function.run().post.chunks == seen == [b"1", b"2"]


def test_the_content_type_is_what_was_asked_for(function: Function, api: FakeRuntimeAPI) -> None:
    """The writer's word, until the first write; later it is an error that says so."""
    function.write("""
        import bootstrap
        @bootstrap.stream(content_type="text/plain")
        def handler(event, context, response):
            if event:
                response.content_type = event
            response.write("a")
            if event:
                response.content_type = "late/late"
        """)
    api.event(b"0")
    api.event(b'"text/csv"')
    api.event(b'"text/csv\\r\\nX: y"')
    plain, csv, split = function.run().posts
    assert plain.headers["content-type"] == "text/plain"
    assert csv.headers["content-type"] == "text/csv"
    assert _error(csv)["errorMessage"] == "the response has begun: its content_type can no longer be set"
    assert (split.path.rpartition("/")[2], split.json()["errorType"]) == ("error", "ValueError")


@pytest.mark.parametrize(
    ("data", "name"),
    [(5, "int"), ({}, "dict"), ([1], "int"), (object(), "object"), (bootstrap.HttpResponse(), "HttpResponse")],
)
def test_other_data_are_refused_by_name(data: object, name: str) -> None:
    """The error says what a stream is made of, and of what type the data were."""
    message = f"^a stream is made of str and bytes, not {name}$"
    with pytest.raises(TypeError, match=message):
        _response().pour(data)
    with pytest.raises(TypeError, match=message):
        _response().pour(iter(data if isinstance(data, list) else [data]))
    with pytest.raises(TypeError, match="a stream is made of str and bytes, not"):
        _response().write(data)


def test_an_empty_stream_is_a_whole_one(function: Function, api: FakeRuntimeAPI) -> None:
    """Head and end, no chunk: from nothing yielded, from empty pieces, from a writer that does not write."""
    function.write("""
        import bootstrap
        @bootstrap.stream
        def handler(event, context, response):
            return [None, [], ["", b""], "", None][event]
        """)
    for event in (b"0", b"1", b"2", b"3", b"4"):
        api.event(event)
    posts = function.run().posts
    assert [(post.chunks, post.truncated, post.trailers) for post in posts] == [([], False, {})] * 5
    assert all(post.headers["lambda-runtime-function-response-mode"] == "streaming" for post in posts)


def test_an_error_before_the_first_byte_is_an_ordinary_one(function: Function, api: FakeRuntimeAPI) -> None:
    """Nothing of the stream was sent, so the report goes to /error."""
    function.write("""
        import bootstrap
        @bootstrap.http_stream
        def handler(event, context, response):
            response.status_code = 201
            yield ""
            raise ValueError("early")
        """)
    api.event()
    post = function.run().post
    assert post.path.endswith("/error")
    assert post.json()["errorMessage"] == "early"


@pytest.mark.parametrize(
    ("raised", "error_type", "message"),
    [
        ("raise ValueError('x' * 100)", "ValueError", "x" * 100),
        ("raise SystemExit(3)", "SystemExit", "exit status 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("class Odd(BaseException):\n        __str__ = None\n    raise Odd", "Odd", "<exception str() failed>"),
        ("yield 5", "TypeError", "a stream is made of str and bytes, not int"),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_error_in_mid_stream_goes_into_the_trailers(
    function: Function, api: FakeRuntimeAPI, kind: str, raised: str, error_type: str, message: str
) -> None:
    """What was sent stays, the stream ends with type and report, and the log has it too."""
    function.write(f"{kind} handler(event, context):\n    yield 'sent'\n    {raised}\n")
    api.event()
    outcome = function.run()
    post = outcome.post
    assert (post.body, post.truncated) == (b"sent", False)
    assert post.trailers["lambda-runtime-function-error-type"] == error_type
    assert (_error(post)["errorType"], _error(post)["errorMessage"]) == (error_type, message)
    assert f"[ERROR] {error_type}" in outcome.stdout
    assert outcome.status == (3 if error_type == "SystemExit" else -15)


def test_the_next_event_is_served_after_a_stream(function: Function, api: FakeRuntimeAPI) -> None:
    """The connection of a stream is done with; one process serves on."""
    function.write("import os\ndef handler(event, context):\n    yield str(os.getpid())\n")
    api.event()
    api.event()
    first, second = function.run().posts
    assert first.body == second.body
    assert first.connection != second.connection


def test_a_connection_closed_while_the_handler_worked_is_opened_again(function: Function, api: FakeRuntimeAPI) -> None:
    """The stream goes out on a new one."""
    function.write("""
        import socket
        def handler(event, context):
            if event == "closed":
                assert context._invocation.connection._socket.recv(1, socket.MSG_PEEK) == b""
            yield "whole"
        """)
    api.event()
    api.reply(http_reply(200, {"Lambda-Runtime-Aws-Request-Id": "1"}, b'"closed"'), close=True)
    assert [post.body for post in function.run().posts] == [b"whole", b"whole"]


HTTP_FORMS = {
    "decorator": """
        @bootstrap.http_stream(status_code=404, headers={"X-A": "1", "x-n": 5, "x-l": ["b", "c"]}, cookies=["d=e", "f"])
        def handler(event, context):
            yield "body"
        """,
    "first yield": """
        @bootstrap.http_stream(status_code=500, headers={"lost": "yes"})
        def handler(event, context):
            yield bootstrap.HttpResponse(404, {"X-A": "1", "x-n": 5, "x-l": ("b", "c")}, ["d=e", "f"])
            yield "body"
        """,
    "first yield of an async generator": """
        @bootstrap.http_stream
        async def handler(event, context):
            yield bootstrap.HttpResponse(404, {"X-A": "1", "x-n": 5, "x-l": ("b", "c")}, ["d=e", "f"])
            yield "body"
        """,
    "writer": """
        from http import HTTPStatus
        @bootstrap.http_stream(headers={"x-a": "0", "x-n": "5"})
        def handler(event, context, response):
            response.status_code = HTTPStatus.NOT_FOUND
            response.headers["X-A"] = "1"
            response.headers["x-l"] = ["b", "c"]
            response.cookies.append("d=e")
            response.cookies += ["f"]
            response.write("body")
        """,
    "async writer": """
        @bootstrap.http_stream(headers={"x-n": "5"})
        async def handler(event, context, response):
            response.status_code = 404
            response.headers.update({"X-A": "1", "x-l": ["b", "c"]})
            response.cookies = ["d=e", "f"]
            await response.write("body")
        """,
}


@pytest.mark.parametrize("form", HTTP_FORMS)
def test_each_form_of_an_http_stream_has_its_head_first(function: Function, api: FakeRuntimeAPI, form: str) -> None:
    """Head as JSON, eight NUL bytes and the first bytes of the body come in the first chunk."""
    function.write("import bootstrap\n" + "\n".join(line[8:] for line in HTTP_FORMS[form].splitlines()))
    api.event()
    api.event()
    post, again = function.run().posts
    head, body = _split(post)
    assert len(post.chunks) == 1
    assert body == b"body"
    assert head["statusCode"] == 404
    assert head["headers"] == {"x-a": "1", "x-n": "5", "x-l": "b, c"}
    assert head["cookies"] == ["d=e", "f"]
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert again.body == post.body


def test_an_http_answer_without_a_body_has_its_head(function: Function, api: FakeRuntimeAPI) -> None:
    """The head is sent at the end when nothing was written."""
    function.write("""
        import bootstrap
        @bootstrap.http_stream
        def handler(event, context, response):
            response.status_code = 204
        """)
    api.event()
    assert _split(function.run().post) == ({"statusCode": 204, "headers": {}, "cookies": []}, b"")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bootstrap.HttpResponse(99), "a status code is a number from 100 to 599, not 99"),
        (lambda: bootstrap.HttpResponse("200"), "a status code is a number from 100 to 599, not '200'"),  # type: ignore[arg-type]
        (lambda: bootstrap.HttpResponse(True), "a status code is a number from 100 to 599, not True"),
        (lambda: bootstrap.HttpResponse(headers={"a b": "c"}), "'a b' is not a name of a header"),
        (lambda: bootstrap.HttpResponse(headers={"": "c"}), "'' is not a name of a header"),
        (lambda: bootstrap.HttpResponse(headers={"a\r\n": "c"}), "is not a name of a header"),
        (
            lambda: bootstrap.HttpResponse(headers={"a": "c\0"}),
            r"the value of a header is one line of text, not 'c\\x00'",
        ),
        (lambda: bootstrap.HttpResponse(headers={"a": None}), "the value of a header is str, not NoneType"),  # type: ignore[dict-item]
        (lambda: bootstrap.HttpResponse(cookies=["a\n"]), "the value of a header is one line of text"),
        (lambda: bootstrap.stream(content_type="a\nb"), "the value of a header is one line of text"),
        (lambda: bootstrap.stream("text/plain"), "a handler is a function, not str"),  # type: ignore[call-overload]
    ],
)
def test_what_http_has_no_place_for_is_refused_where_it_is_written(make: Callable[[], object], message: str) -> None:
    """Status, names and values are checked when they are given, not when the first bytes go out."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_the_head_is_read_only_once_it_is_sent() -> None:
    """After the first write each way to change it raises."""
    response = _http_response()
    response.headers["a"] = "b"
    response.write("x")
    with pytest.raises(RuntimeError, match="its status_code can no longer be set"):
        response.status_code = 500
    with pytest.raises(TypeError):
        response.headers["c"] = "d"
    with pytest.raises(AttributeError):
        response.cookies.append("e")
    assert dict(response.headers) == {"a": "b"}


def test_a_second_head_is_an_error() -> None:
    """An HttpResponse among the data comes too late."""
    with pytest.raises(TypeError, match="an HttpResponse comes before the first data"):
        _http_response().pour(iter(["x", bootstrap.HttpResponse()]))


def test_a_misspelt_attribute_is_an_error() -> None:
    """`response.status = 404` would otherwise change nothing."""
    with pytest.raises(AttributeError):
        _http_response().status = 404


def test_a_response_kept_after_its_end_takes_nothing(function: Function, api: FakeRuntimeAPI) -> None:
    """A write during a later invocation raises and disturbs neither answer."""
    function.write("""
        import bootstrap
        kept = []
        @bootstrap.stream
        def handler(event, context, response):
            kept.append(response)
            kept[0].write(f"{event}")
        """)
    api.event(b"1")
    api.event(b"2")
    first, second = function.run().posts
    assert first.body == b"1"
    assert second.path.endswith("/error")
    assert second.json()["errorMessage"] == "the response has ended: nothing can be written to it"


def test_standard_writers_take_a_response_for_a_file(function: Function, api: FakeRuntimeAPI) -> None:
    """csv, print, json and zipfile write to it as to a file that cannot be sought in."""
    function.write("""
        import bootstrap, csv, gzip, json, zipfile
        @bootstrap.stream
        def handler(event, context, response):
            csv.writer(response, lineterminator=";").writerow([1, "a"])
            print("line", file=response, flush=True)
            json.dump([1], response)
            with zipfile.ZipFile(response, "w") as archive:
                archive.writestr("name", "content")
        """)
    api.event()
    outcome = function.run()
    assert outcome.post.trailers == {}, outcome.stdout
    assert outcome.post.body.startswith(b"1,a;line\n[1]PK")


@pytest.mark.parametrize("name", ["by_tasks", "by_threads"])
def test_several_may_write_at_the_same_time(function: Function, api: FakeRuntimeAPI, name: str) -> None:
    """Chunks of several writers alternate, none is torn."""
    function.write("""
        import asyncio, bootstrap, threading
        SIZE = 300_000
        @bootstrap.stream
        async def by_tasks(event, context, response):
            await asyncio.gather(*(response.write(str(digit) * SIZE) for digit in range(8)))
        @bootstrap.stream
        def by_threads(event, context, response):
            threads = [threading.Thread(target=response.write, args=(str(digit) * SIZE,)) for digit in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """)
    function.environ["_HANDLER"] = f"app.{name}"
    api.event()
    assert sorted(function.run().post.chunks) == [str(digit).encode() * 300_000 for digit in range(8)]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_generator_is_closed_when_its_data_are_wrong(function: Function, api: FakeRuntimeAPI, kind: str) -> None:
    """`finally` blocks of handlers run before the answer ends."""
    function.write(f"""
        {kind} handler(event, context):
            try:
                yield "a"
                yield 5
            finally:
                print("closed")
        """)
    api.event()
    assert function.run().stdout.startswith("closed\n[ERROR] TypeError")


def test_writes_that_go_on_when_the_handler_is_over_are_finished(function: Function, api: FakeRuntimeAPI) -> None:
    """Tasks left writing, by an error or without one, tear no chunk; later writes do not get into a later answer."""
    function.write("""
        import asyncio, bootstrap
        tasks, overs = [], []
        async def write(response, over):
            await response.write(bytes(20_000_000))
            await over.wait()
            await response.write("too late")
        @bootstrap.stream
        async def handler(event, context, response):
            for over in overs:
                over.set()
            await response.write("first")
            if event < 2:
                overs.append(asyncio.Event())
                tasks.append(asyncio.ensure_future(write(response, overs[-1])))
                tasks.append(asyncio.ensure_future(response.write("queued")))
                await asyncio.sleep(0)
            if event == 1:
                raise ValueError("amid")
            if event == 2:
                print(await asyncio.gather(*tasks, return_exceptions=True))
        """)
    for event in (b"0", b"1", b"2"):
        api.event(event)
    outcome = function.run()
    assert outcome.stderr == ""
    assert [(len(post.body), post.truncated) for post in outcome.posts] == [(20_000_011, False)] * 2 + [(5, False)]
    assert [bool(post.trailers) for post in outcome.posts] == [False, True, False]
    assert outcome.stdout.count("RuntimeError('the response has ended: nothing can be written to it')") == 2


ENDLESS = """
    import bootstrap
    def endless(event, context):
        try:
            while True:
                yield b"x" * 50_000
        finally:
            print("closed")
    async def endless_async(event, context):
        try:
            while True:
                yield b"x" * 50_000
        finally:
            print("closed")
    @bootstrap.stream
    def writer(event, context, response):
        try:
            while True:
                response.write(b"x" * 50_000)
        except OSError as error:
            print("closed", type(error).__name__)
    @bootstrap.stream
    async def writer_async(event, context, response):
        try:
            while True:
                await response.write(b"x" * 50_000)
        except OSError as error:
            print("closed", type(error).__name__)
    """
ENDLESS_NAMES = ("endless", "endless_async", "writer", "writer_async")


@pytest.mark.parametrize("name", ENDLESS_NAMES)
def test_an_early_refusal_ends_a_stream(function: Function, api: FakeRuntimeAPI, name: str) -> None:
    """A 413 from a server that reads no further: the source is closed, one line is said, and the loop goes on."""
    function.write(ENDLESS)
    function.environ["_HANDLER"] = f"app.{name}"
    api.early_reply(http_reply(413, {}, b'{"errorType":"RequestEntityTooLarge"}'))
    api.event()
    outcome = function.run()
    assert "closed" in outcome.stdout
    assert outcome.stderr.splitlines() == [
        'pilotlight: the Runtime API refused a streamed response with 413 {"errorType":"RequestEntityTooLarge"}'
    ]
    assert [request.method for request in api.requests] == ["GET", "POST", "GET"]


@pytest.mark.parametrize("name", ENDLESS_NAMES)
def test_a_sandbox_that_is_gone_ends_a_stream(function: Function, api: FakeRuntimeAPI, name: str) -> None:
    """The source is closed, one line is said, and the loop asks for the next event."""
    seen = threading.Event()

    def on_chunk(_data: bytes) -> None:
        seen.set()
        raise ConnectionResetError

    api.on_chunk = on_chunk
    function.write(ENDLESS)
    function.environ["_HANDLER"] = f"app.{name}"
    api.event()
    outcome = function.run()
    assert "closed" in outcome.stdout
    assert outcome.stderr == f"pilotlight: the stream of {REQUEST_ID} was cut: in the middle of a chunk\n"
    assert outcome.status == -15


def test_a_broken_sandbox_ends_the_process(function: Function, api: FakeRuntimeAPI) -> None:
    """A 5xx to a stream is as final as one to a plain answer."""
    function.write("def handler(event, context):\n    yield 'a'\n")
    api.post_reply(http_reply(500, {}, b"oh"))
    api.event()
    outcome = function.run()
    assert outcome.status == 1
    assert outcome.stderr == "pilotlight: the Runtime API answered 500 oh to a streamed response\n"


def test_an_early_success_is_not_taken_for_one(function: Function, api: FakeRuntimeAPI) -> None:
    """A 202 before the end of the stream cannot be about the whole of it."""
    function.write(ENDLESS)
    function.environ["_HANDLER"] = "app.endless"
    api.early_reply(http_reply(202, {}, b""))
    api.event()
    assert function.run().stderr == f"pilotlight: the stream of {REQUEST_ID} was cut: in the middle of a chunk\n"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_slow_reader_holds_an_async_handler_up_and_nothing_else(
    function: Function, api: FakeRuntimeAPI, loop: str
) -> None:
    """While a write waits other tasks go on, with either event loop; what was written arrives whole."""
    proof = function.root / "ticked"

    def on_chunk(data: bytes) -> None:
        if data == b"first":
            deadline = threading.Event()
            while not proof.exists():
                assert not deadline.wait(0.001)

    api.on_chunk = on_chunk
    function.write(f"""
        import asyncio, bootstrap, pathlib, {loop}
        asyncio.set_event_loop({loop}.new_event_loop())
        async def tick(writing):
            await asyncio.sleep(0.05)
            assert not writing.done()
            pathlib.Path("ticked").touch()
        @bootstrap.stream
        async def handler(event, context, response):
            await response.write("first")
            if event == 0:
                writing = asyncio.ensure_future(response.write(bytes(30_000_000)))
                await tick(writing)
                await writing
            await response.write("last")
        """)
    api.event(b"0")
    api.event(b"1")
    outcome = function.run()
    assert outcome.stderr == ""
    assert [(len(post.chunks), len(post.body)) for post in outcome.posts] == [(3, 30_000_009), (2, 9)]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_memory_stays_flat(function: Function, api: FakeRuntimeAPI, kind: str) -> None:
    """A long stream leaves no more behind than a short one."""
    function.write(f"""
        import resource
        {kind} handler(event, context):
            piece = bytes(1 << 20)
            for _ in range(event):
                yield piece
            yield str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        """)
    api.event(b"4")
    api.event(b"100")
    short, long = (int(post.chunks[-1]) for post in function.run().posts)
    assert long - short < 4096, "kB"


def test_a_huge_piece_is_not_copied(function: Function, api: FakeRuntimeAPI) -> None:
    """One piece of 60 MB costs its own memory once."""
    function.write("""
        import resource
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        def handler(event, context):
            piece = bytearray(60_000_000)
            before = peak()
            yield piece
            yield str(peak() - before)
        """)
    api.event()
    piece, growth = function.run().post.chunks
    assert (len(piece), int(growth) < 4096) == (60_000_000, True)


def test_a_cancelled_write_does_not_end_as_a_whole_stream(function: Function, api: FakeRuntimeAPI) -> None:
    """A chunk left unfinished cannot be followed by an end: the connection is cut."""
    hold = threading.Event()
    api.on_chunk = lambda data: None if data != b"first" else _wait_for(hold)
    function.write("""
        import asyncio, bootstrap
        @bootstrap.stream
        async def handler(event, context, response):
            await response.write("first")
            await asyncio.wait_for(response.write(bytes(30_000_000)), 0.1)
        """)
    function.start()
    api.event()
    _wait_until(lambda: "was cut" in function.stderr())
    hold.set()
    function.settle()
    _wait_until(lambda: bool(api.posts))
    function.process.terminate()  # type: ignore[union-attr]
    outcome = function.outcome()
    assert outcome.post.truncated
    assert outcome.stderr == f"pilotlight: the stream of {REQUEST_ID} was cut: in the middle of a chunk\n"
    assert "TimeoutError" in outcome.stdout


@pytest.mark.parametrize(("kind", "mode"), [("async def", "async"), ("def", "thread"), ("def", "process")])
def test_several_streams_at_once(function: Function, api: FakeRuntimeAPI, kind: str, mode: str) -> None:
    """Each goes to its own invocation, over a connection of its own."""
    function.write(f"""
        import bootstrap
        {kind} handler(event, context):
            for _ in range(50):
                yield str(event) * 1000
            yield bootstrap.current_context().aws_request_id
        """)
    function.environ |= {"AWS_LAMBDA_MAX_CONCURRENCY": "3", "PILOTLIGHT_CONCURRENCY_MODE": mode}
    for number in range(6):
        api.event(str(number).encode(), f"id-{number}")
    function.start()
    _wait_until(lambda: len(api.posts) == 6)
    function.process.terminate()  # type: ignore[union-attr]
    function.outcome()
    expected = {f"/2018-06-01/runtime/invocation/id-{n}/response": f"{n}" * 50_000 + f"id-{n}" for n in range(6)}
    assert {post.path: post.body.decode() for post in api.posts} == expected


def test_the_handler_stays_what_it_was() -> None:
    """Decorated functions can be called by tests of the function as if they were not."""

    @bootstrap.stream
    def generator(_event: object, _context: object) -> Any:  # noqa: ANN401
        yield "a"

    @bootstrap.http_stream(status_code=404)
    async def writer(_event: object, _context: object, response: list[str]) -> None:
        response.append("b")

    written: list[str] = []
    asyncio.run(writer(None, None, written))
    assert (list(generator(None, None)), written) == (["a"], ["b"])


class _App:
    def __call__(self, event: object, context: object, response: object) -> None: ...
    def method(self, event: object, context: object) -> None: ...
    def writer(self, event: object, context: object, response: object) -> None: ...


@functools.wraps(_App.writer)
def _wrapper(*args: object) -> None: ...


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda event, context: None, False),
        (lambda event, context, response: None, True),
        (lambda event, context, cache=None: None, False),
        (lambda *args: None, False),
        (_App(), True),
        (_App().method, False),
        (_App().writer, True),
        (functools.partial(_App().method), False),
        (functools.partial(_App().writer), True),
        (functools.partial(lambda table, event, context, response: None, "orders"), True),
        (functools.partial(lambda table, event, context: None, "orders"), False),
        (functools.lru_cache(lambda event, context, response: None), True),
        (print, False),
    ],
)
def test_a_third_parameter_that_must_be_given_is_the_response(handler: Any, expected: bool) -> None:  # noqa: ANN401
    """Optional ones are the function's own."""
    assert _takes_response(handler) is expected


def _wait_for(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


def _wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def _response() -> Any:  # noqa: ANN401 - each test uses what it knows to be there
    """A response on a connection that takes everything."""
    return bootstrap.StreamResponse(_Invocation())  # type: ignore[arg-type]


def _http_response() -> Any:  # noqa: ANN401
    """The same for HTTP."""
    return bootstrap.HttpStreamResponse(_Invocation(), bootstrap.HttpResponse())  # type: ignore[arg-type]


class _Invocation:
    """An invocation that is streamed to nowhere."""

    def __init__(self) -> None:
        self.connection = self

    def begin_stream(self, content_type: str, data: bytes) -> None: ...

    def chunk(self, data: bytes) -> list[bytes]:
        return [data]

    def send(self, data: bytes) -> None: ...


async def test_an_error_of_the_function_is_no_reader_that_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler of its own may raise an OSError at any place; one of the connection ends the pouring."""

    async def interrupt(_response: object, _data: object) -> int:
        raise TimeoutError("by an alarm")

    def pieces() -> Iterator[str]:
        yield "one"
        yield "two"

    monkeypatch.setattr(AsyncStreamResponse, "_send_async", interrupt)
    with pytest.raises(TimeoutError, match="by an alarm"):
        await AsyncStreamResponse(None).pour_async(pieces())  # type: ignore[arg-type]
    monkeypatch.undo()
    left = AsyncStreamResponse(None)  # type: ignore[arg-type]
    left._broken = "nobody reads on"
    await left.pour_async(pieces())
    assert left.is_broken

"""URLs of real functions, called over raw connections: what the rules cannot show by themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runtime_api import Alias, Cors, Function, Platform, UrlConfig
from runtime_api.protocol.function.url_config import InvokeMode, UrlFormat
from tests.runtime_api.waiting import PATIENCE_S, until

APP = """
    import json, os, pathlib, time
    import bootstrap

    def echo(event, context):
        return event

    def result(event, context):
        return json.loads(event["body"])

    def fail(event, context):
        raise ValueError("secret")

    def whoami(event, context):
        return [context.invoked_function_arn, context.aws_request_id, context.function_version]

    def wait_for(name):
        here = pathlib.Path(__file__).with_name(name)
        while not here.exists():
            time.sleep(0.002)

    def note(name):
        pathlib.Path(__file__).with_name(name).touch()

    def held(event, context):
        note("begun")
        wait_for("go")
        note("ended")

    @bootstrap.stream(content_type="text/csv")
    def rows(event, context):
        yield "a,b\\n"
        yield "c,d\\n"

    @bootstrap.stream
    def nothing(event, context):
        return
        yield

    @bootstrap.http_stream
    def pages(event, context):
        yield bootstrap.HttpResponse(203, {"content-type": "text/html", "content-length": "9"}, cookies=["a=1"])
        yield "<p>one"
        if event["rawPath"] == "/held":
            wait_for("go")
        if event["rawPath"] == "/fail":
            raise ValueError("in mid-stream")
        yield "<p>two"
        note("streamed")

    @bootstrap.stream(content_type="application/vnd.awslambda.http-integration-response")
    def headless(event, context):
        for _ in range(32):
            yield b" " * 65536
        note("streamed")

    @bootstrap.http_stream
    def never(event, context):
        raise ValueError("before the first byte")
        yield
    """


class Answer:
    """An HTTP answer as it came."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name: str) -> str:
        """All values of a header."""
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    @property
    def value(self) -> Any:  # noqa: ANN401  (any JSON)
        return json.loads(self.body)


class Caller:
    """A raw connection to the front door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, target: str, *fields: str, method: str = "GET", host: str = "x", version: str = "1.1") -> None:
        """Write the head of a request."""
        lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *fields, "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1"))

    async def head(self) -> Answer:
        """The head of an answer."""
        text = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).decode()
        status_line, *lines = text.rstrip().split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return Answer(int(status_line.split()[1]), headers, b"")

    async def chunk(self) -> bytes:
        """A chunk of a body; empty for its last. Raises IncompleteReadError when there is none."""
        size = int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE_S), 16)
        return (await asyncio.wait_for(self.reader.readexactly(size + 2), PATIENCE_S))[:-2]

    async def answer(self) -> Answer:
        """A whole answer."""
        answer = await self.head()
        if answer["transfer-encoding"] == "chunked":
            while chunk := await self.chunk():
                answer.body += chunk
        else:
            answer.body = await self.reader.readexactly(int(answer["content-length"] or 0))
        return answer


class Site:
    """Functions with URLs, and callers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.functions: list[Function] = []
        self.aliases: list[Alias] = []
        self.platform: Platform | None = None
        self._callers: list[Caller] = []

    def add(self, handler: str, url: UrlConfig | None, **options: Any) -> None:  # noqa: ANN401  (Function's own)
        """A function named after its handler, unless said otherwise."""
        named = {"name": handler, **options}
        self.functions.append(
            Function(task_root=str(self.folder), handler=f"app.{handler}", url=url, timeout_ms=20_000, **named)
        )

    async def caller(self) -> Caller:
        """A new connection; the first one opens the door."""
        if self.platform is None:
            self.platform = await Platform(self.functions, aliases=self.aliases).__aenter__()
        host, port = self.platform.endpoint_url.removeprefix("http://").split(":")
        caller = Caller(*await asyncio.open_connection(host, int(port)))
        self._callers.append(caller)
        return caller

    async def call(self, target: str, *fields: str, body: bytes = b"", **options: str) -> Answer:
        """One request on a connection of its own."""
        caller = await self.caller()
        caller.send(target, *fields, f"Content-Length: {len(body)}", **options)
        caller.writer.write(body)
        return await caller.answer()

    async def call_once_free(self, target: str) -> Answer:
        """The answer of the only sandbox, as soon as it takes another request."""
        while (answer := await self.call(target)).status == 429:
            pass
        return answer

    async def close(self) -> None:
        """Leave nothing behind."""
        for caller in self._callers:
            caller.writer.close()
        if self.platform is not None:
            await self.platform.__aexit__(None, None, None)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The functions of APP."""
    (tmp_path / "app.py").write_text(dedent(APP))
    site = Site(tmp_path)
    yield site
    await site.close()


STREAMED = UrlConfig(invoke_mode="RESPONSE_STREAM")
JSON = "Content-Type: application/json"


async def test_raw_paths_arrive(site: Site) -> None:
    """By path and by host, just as they stand in the request line."""
    site.add("echo", UrlConfig())
    for path in ("/pa2%Fth/1", "//a//b", "/../x/.", "/%zz", "/a%2Fb;c", "/?q=%2F&q", "/a?b?c#d"):
        for target, host in ((f"/lambda-url/echo{path}", "x"), (path, "echo.lambda-url.localhost:9000")):
            answer = await site.call(target, host=host)
            event = answer.value
            assert (event["rawPath"], event["rawQueryString"]) == (path.partition("?")[0], path.partition("?")[2])


async def test_a_whole_url_in_the_request_line(site: Site) -> None:
    """As clients send it to a proxy: its host counts."""
    site.add("echo", UrlConfig())
    answer = await site.call("http://echo.lambda-url.localhost/a?b=1", host="127.0.0.1")
    assert (answer.value["rawPath"], answer.value["requestContext"]["apiId"]) == ("/a", "echo")


async def test_a_host_owns_all_its_paths(site: Site) -> None:
    """Those of the API too, on a connection that begins with an Invoke and on one that does not."""
    site.add("echo", UrlConfig())
    caller = await site.caller()
    for host in ("127.0.0.1", "echo.lambda-url.localhost", "127.0.0.1"):
        caller.send("/2015-03-31/functions/echo/invocations", "Content-Length: 2", JSON, method="POST", host=host)
        caller.writer.write(b"[]")
        answer = await caller.answer()
        assert isinstance(answer.value, dict) is host.startswith("echo")
    health = await site.call("/healthz", host="echo.lambda-url.localhost")
    assert health.value["rawPath"] == "/healthz"


async def test_ids_are_the_invocations(site: Site) -> None:
    """The caller, the event and the function see one request id and one trace."""
    site.add("whoami", UrlConfig())
    site.add("echo", UrlConfig())
    answer = await site.call("/lambda-url/whoami/")
    assert answer.value == [
        "arn:aws:lambda:us-east-1:123456789012:function:whoami",
        answer["x-amzn-requestid"],
        "$LATEST",
    ]
    echoed = await site.call("/lambda-url/echo/", "X-Amzn-Trace-Id: Root=1-a-b")
    assert echoed["x-amzn-trace-id"].startswith("Root=1-a-b")
    assert echoed.value["headers"]["x-amzn-trace-id"] == "Root=1-a-b"
    assert echoed.value["requestContext"]["requestId"] == echoed["x-amzn-requestid"]
    unusable = await site.call("/lambda-url/echo/", "X-Amzn-Trace-Id: \xff \xe9")
    assert (unusable.status, unusable["x-amzn-trace-id"][:7]) == (200, "Root=1-")


async def test_an_alias_has_a_url_of_its_own(site: Site) -> None:
    """By path and by host; a version has none, and neither has what the alias does not give one."""
    site.add("whoami", None)
    site.add("whoami", None, version="1")
    site.aliases.append(Alias(function_name="whoami", name="Live", version="1", url=UrlConfig()))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:whoami:Live"
    for target, host in (("/lambda-url/whoami:Live/", "x"), ("/", "live.whoami.lambda-url.localhost")):
        answer = await site.call(target, host=host)
        assert answer.value[::2] == [arn, "1"]
    for target in ("/lambda-url/whoami/", "/lambda-url/whoami:1/", "/lambda-url/whoami:$LATEST/"):
        assert (await site.call(target)).status == 403


async def test_an_unknown_url_is_refused_as_recorded(site: Site) -> None:
    """Whether there is no such function, or it has no URL."""
    site.add("echo", None)
    for target, host in (("/lambda-url/echo/", "x"), ("/lambda-url//", "x"), ("/", "no.lambda-url.localhost")):
        answer = await site.call(target, host=host)
        assert (answer.status, answer.body) == (403, b'{"Message":null}')
        assert (answer["x-amzn-errortype"], answer["content-type"]) == ("AccessDeniedException", "application/json")


async def test_capitals_do_not_count_in_hosts(site: Site) -> None:
    """Browsers make small letters of them; where two functions differ in nothing else, a path still tells them apart."""
    site.add("whoami", UrlConfig(), name="Who")
    site.add("whoami", UrlConfig(), name="who")
    assert (await site.call("/", host="WHO.lambda-url.localhost")).value[0].endswith(":who")
    assert (await site.call("/lambda-url/Who/")).value[0].endswith(":Who")


async def test_an_answer_is_the_functions(site: Site) -> None:
    """Status, headers and cookies are its own, except for what is not its to say."""
    site.add("result", UrlConfig())
    result = {
        "statusCode": "418",
        "headers": {"X-A": "é", "Content-Length": "999", "Connection": "close", "Content-Type": "text/plain"},
        "cookies": ["a=1", "b=2"],
        "body": "tea",
    }
    caller = await site.caller()
    for _ in range(2):
        body = json.dumps(result).encode()
        caller.send("/lambda-url/result/", JSON, f"Content-Length: {len(body)}", method="POST")
        caller.writer.write(body)
        answer = await caller.answer()
        assert (answer.status, answer.body, answer["x-a"]) == (418, b"tea", "é")
        assert (answer["set-cookie"], answer["connection"]) == ("a=1, b=2", "")


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
async def test_a_failed_function_is_a_bad_gateway(site: Site, mode: InvokeMode) -> None:
    """In either mode, and its error stays in its log."""
    for handler in ("fail", "never"):
        site.add(handler, UrlConfig(invoke_mode=mode))
    for handler in ("fail", "never"):
        answer = await site.call(f"/lambda-url/{handler}/")
        assert (answer.status, answer.body) == (502, b"Internal Server Error")
        assert answer["x-amzn-requestid"]


async def test_an_answer_that_would_split_is_a_bad_gateway(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The caller sees nothing of it, the log says why."""
    site.add("result", UrlConfig())
    body = json.dumps({"statusCode": 200, "headers": {"a": "b\r\nEvil: 1"}}).encode()
    answer = await site.call("/lambda-url/result/", JSON, body=body, method="POST")
    assert (answer.status, answer["evil"], answer["a"]) == (502, "", "")
    assert "header a: its value is more than one line" in caplog.text


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_some_answers_have_no_body(site: Site, method: str, status: int) -> None:
    """The connection is good for another request at once."""
    site.add("result", UrlConfig())
    body = json.dumps({"statusCode": status, "body": "long"}).encode()
    caller = await site.caller()
    for _ in range(2):
        caller.send("/lambda-url/result/", JSON, f"Content-Length: {len(body)}", method=method)
        caller.writer.write(body)
        assert (await caller.head()).status == status


async def test_a_browser_may_ask_first(site: Site) -> None:
    """The preflight is answered without the function, and every other answer says who may read it, errors included."""
    site.add("held", UrlConfig(cors=Cors(allow_origins=("https://a.example",), allow_methods=("PUT",))))
    site.add("fail", UrlConfig(cors=Cors(allow_origins=("*",))))
    asked = ("Origin: https://a.example", "Access-Control-Request-Method: PUT")
    preflight = await site.call("/lambda-url/held/", *asked, method="OPTIONS")
    assert (preflight.status, preflight.body) == (200, b"")
    assert preflight["access-control-allow-origin"] == "https://a.example"
    assert preflight["access-control-allow-methods"] == "PUT"
    assert (await site.call("/lambda-url/fail/", *asked))["access-control-allow-origin"] == "*"


async def test_a_function_answers_options_itself(site: Site) -> None:
    """Where its URL says nothing of other origins."""
    site.add("echo", UrlConfig())
    answer = await site.call("/", "Origin: https://a.example", method="OPTIONS", host="echo.lambda-url.localhost")
    assert answer.value["requestContext"]["http"]["method"] == "OPTIONS"


async def test_a_signature_may_be_asked_for(site: Site) -> None:
    """That there is one is enough."""
    site.add("echo", UrlConfig(auth_type="AWS_IAM"))
    refused = await site.call("/lambda-url/echo/")
    assert (refused.status, refused.body) == (403, b'{"Message":"Forbidden"}')
    signed = await site.call("/lambda-url/echo/?X-Amz-Credential=AKID%2Fx&X-Amz-Signature=00")
    assert signed.value["requestContext"]["authorizer"]["iam"]["accessKey"] == "AKID"


async def test_large_requests_are_refused(site: Site) -> None:
    """When the body is too large, and when only the event made of it is."""
    site.add("whoami", UrlConfig())
    for size in (6 * 1024 * 1024 + 1, 5 * 1024 * 1024):
        answer = await site.call("/lambda-url/whoami/", body=bytes(size), method="POST")
        assert (answer.status, answer["x-amzn-errortype"]) == (413, "RequestTooLargeException")
    assert (await site.call("/lambda-url/whoami/", body=bytes(4 * 1024 * 1024), method="POST")).status == 200


async def test_a_throttled_call_is_told_when_to_come_back(site: Site) -> None:
    """With the reason."""
    site.add("echo", UrlConfig(), concurrency=0)
    answer = await site.call("/lambda-url/echo/")
    assert (answer.status, answer["retry-after"]) == (429, "1")
    assert answer.value["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_a_connection_cannot_be_taken_over(site: Site) -> None:
    """WebSockets and tunnels are refused, and the connection stays what it is; an offer of HTTP/2 is passed over."""
    site.add("echo", UrlConfig())
    caller = await site.caller()
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 13")
    caller.send("/lambda-url/echo/", *upgrade)
    assert (await caller.answer()).status == 400
    caller.send("/lambda-url/echo/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: a")
    assert (await caller.answer()).status == 200
    tunnel = await site.caller()
    tunnel.send("echo.lambda-url.localhost:80", method="CONNECT", host="echo.lambda-url.localhost")
    assert (await tunnel.answer()).status == 400


async def test_a_caller_that_leaves_stops_nobody(site: Site) -> None:
    """The function runs to its end, and takes the next request."""
    site.add("held", UrlConfig(), concurrency=1)
    caller = await site.caller()
    caller.send("/lambda-url/held/")
    await until(lambda: (site.folder / "begun").exists())
    caller.writer.transport.abort()
    (site.folder / "go").touch()
    await until(lambda: (site.folder / "ended").exists())
    assert (await asyncio.wait_for(site.call_once_free("/lambda-url/held/"), PATIENCE_S)).status == 200


async def test_a_stream_is_sent_as_it_comes(site: Site) -> None:
    """Its head and first piece are there while the function still waits."""
    site.add("pages", STREAMED)
    caller = await site.caller()
    caller.send("/lambda-url/pages/held")
    head = await caller.head()
    assert (head.status, head["content-type"], head["set-cookie"]) == (203, "text/html", "a=1")
    assert (head["transfer-encoding"], head["content-length"]) == ("chunked", "")
    assert await caller.chunk() == b"<p>one"
    (site.folder / "go").touch()
    assert [await caller.chunk(), await caller.chunk()] == [b"<p>two", b""]


async def test_a_stream_without_head(site: Site) -> None:
    """Has the function's type; a result that is no stream has none and is not looked into."""
    site.add("rows", STREAMED)
    site.add("result", STREAMED)
    site.add("nothing", STREAMED)
    rows = await site.call("/lambda-url/rows/")
    assert (rows.status, rows["content-type"], rows.body) == (200, "text/csv", b"a,b\nc,d\n")
    body = b'{"statusCode": 404}'
    result = await site.call("/lambda-url/result/", JSON, body=body, method="POST")
    assert (result.status, result["content-type"], result.body) == (200, "application/octet-stream", body)
    nothing = await site.call("/lambda-url/nothing/")
    assert (nothing.status, nothing.body) == (200, b"")


async def test_a_stream_is_collected_where_answers_are_whole(site: Site) -> None:
    """With its head read all the same."""
    site.add("pages", UrlConfig())
    site.add("rows", UrlConfig())
    pages = await site.call("/lambda-url/pages/")
    assert (pages.status, pages["content-type"], pages["content-length"]) == (203, "text/html", "12")
    assert (await site.call("/lambda-url/rows/"))["content-type"] == "text/csv"


async def test_a_broken_stream_has_no_clean_end(site: Site) -> None:
    """Its last chunk is missing, and a caller that knows no chunks sees a reset."""
    site.add("pages", STREAMED)
    caller = await site.caller()
    caller.send("/lambda-url/pages/fail")
    await caller.head()
    assert await caller.chunk() == b"<p>one"
    with pytest.raises(asyncio.IncompleteReadError):
        await caller.chunk()
    old = await site.caller()
    old.send("/lambda-url/pages/fail", version="1.0")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(old.reader.read(), PATIENCE_S)


async def test_a_stream_whose_head_has_no_end_is_a_bad_gateway(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is not waited for; the function writes to its end, and its sandbox takes the next request."""
    site.add("headless", STREAMED, concurrency=1)
    assert (await site.call("/lambda-url/headless/")).status == 502
    assert "the head of the stream is longer" in caplog.text
    await until(lambda: (site.folder / "streamed").exists())
    assert (await asyncio.wait_for(site.call_once_free("/lambda-url/headless/"), PATIENCE_S)).status == 502


async def test_a_stream_has_no_body_for_head(site: Site) -> None:
    """The function's is dropped, and the connection is good for another request."""
    site.add("pages", STREAMED)
    caller = await site.caller()
    for _ in range(2):
        caller.send("/lambda-url/pages/", method="HEAD")
        assert (await caller.head()).status == 203


async def test_a_reader_that_leaves_stops_nobody(site: Site) -> None:
    """The function writes to its end, and its sandbox takes the next request."""
    site.add("pages", STREAMED, concurrency=1)
    caller = await site.caller()
    caller.send("/lambda-url/pages/held")
    await caller.head()
    caller.writer.transport.abort()
    (site.folder / "go").touch()
    await until(lambda: (site.folder / "streamed").exists())
    answer = await asyncio.wait_for(site.call_once_free("/lambda-url/pages/"), PATIENCE_S)
    assert answer.body == b"<p>one<p>two"


FORMATS: list[tuple[UrlFormat, Callable[[Any], object], object]] = [
    ("http-api", lambda event: event["requestContext"]["accountId"], "123456789012"),
    ("rest-api", lambda event: event["pathParameters"], {"proxy": "a"}),
    ("alb", lambda event: event["queryStringParameters"], {"b": "1"}),
    ("alb-multi-value", lambda event: event["multiValueQueryStringParameters"], {"b": ["1"]}),
]


async def test_a_url_may_stand_for_another_front(site: Site) -> None:
    """Events, answers and errors are then that front's."""
    for name, _, _ in FORMATS:
        site.add("result", UrlConfig(format=name), name=name)
        site.add("echo", UrlConfig(format=name, invoke_mode="RESPONSE_STREAM"), name=f"{name}-echo")
    failures = {"http-api": 500, "rest-api": 502, "alb": 502, "alb-multi-value": 502}
    for name, find, expected in FORMATS:
        echoed = await site.call(f"/lambda-url/{name}-echo/a?b=1")
        assert find(echoed.value) == expected
        answer = await site.call(f"/lambda-url/{name}/", JSON, body=b'{"statusCode": 202}', method="POST")
        failed = await site.call(f"/lambda-url/{name}/", JSON, body=b"no", method="POST")
        assert (answer.status, failed.status) == (202, failures[name])

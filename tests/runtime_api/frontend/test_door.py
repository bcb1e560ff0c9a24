from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime_api import Function, Platform

INVOKE = "/2015-03-31/functions/echo/invocations"
STREAM = "/2021-11-15/functions/echo/response-streaming-invocations"


class Caller:
    """A raw connection to the front door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)

    async def receive(self) -> tuple[int, dict[str, str], bytes]:
        """One response: status, headers in lower case, body."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
        status_line, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(status_line.split()[1]), headers, body


def invoke(body: bytes, path: str = INVOKE, extra: str = "") -> bytes:
    """An Invoke call as bytes."""
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """A platform with a function that answers with its event."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event\n")
    async with Platform([Function(name="echo", task_root=str(tmp_path), handler="app.handler")]) as platform:
        yield platform


@pytest.fixture
async def caller(platform: Platform) -> AsyncIterator[Caller]:
    """A connection to it."""
    host, port = platform.endpoint_url.removeprefix("http://").split(":")
    caller = Caller(*await asyncio.open_connection(host, int(port)))
    yield caller
    caller.writer.close()
    await caller.writer.wait_closed()


async def test_other_paths_may_follow_an_invoke_on_one_connection(caller: Caller) -> None:
    """Invoke, health, Invoke: each is answered, whichever code reads it."""
    for _ in range(2):
        caller.send(invoke(b"[1]"))
        assert (await caller.receive())[::2] == (200, b"[1]")
        caller.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await caller.receive())[::2] == (200, b'{"status": "ok"}')


async def test_an_invoke_may_follow_another_path(caller: Caller) -> None:
    """A connection that began with something else invokes just as well, with the same answer."""
    caller.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await caller.receive()
    caller.send(invoke(b"[2]"))
    status, headers, body = await caller.receive()
    assert (status, body, headers["x-amz-executed-version"]) == (200, b"[2]", "$LATEST")


async def test_both_ways_give_the_same_headers(platform: Platform) -> None:
    """The names and order of an answer's own headers do not depend on how the connection began."""
    host, port = platform.endpoint_url.removeprefix("http://").split(":")
    seen = []
    for first in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
        caller = Caller(*await asyncio.open_connection(host, int(port)))
        if first:
            caller.send(first)
            await caller.receive()
        caller.send(invoke(b"1"))
        _, headers, _ = await caller.receive()
        seen.append([name for name in headers if name.startswith(("x-", "content-type"))])
        caller.writer.close()
        await caller.writer.wait_closed()
    assert seen[0] == seen[1]


async def test_a_call_may_come_byte_by_byte(caller: Caller) -> None:
    """Which code reads a connection is decided when enough of it is there."""
    for byte in invoke(b'{"a": 1}'):
        caller.send(bytes([byte]))
        await caller.writer.drain()
        await asyncio.sleep(0)
    assert (await caller.receive())[::2] == (200, b'{"a": 1}')


async def test_pipelined_calls_are_answered_in_order(caller: Caller) -> None:
    """Calls written at once, with another path among them, get their answers in the order asked."""
    caller.send(invoke(b"1") + invoke(b"2") + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + invoke(b"3"))
    bodies = [(await caller.receive())[2] for _ in range(4)]
    assert bodies == [b"1", b"2", b'{"status": "ok"}', b"3"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /2015-03-31/functions/echo/invocations HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /2015-03-31/functions/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        (b"POST /2015-03-31/functions/echo/invocations/more HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        (
            b"POST /2015-03-31/functions/echo%0d%0aX:%20y/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            400,
        ),
        (b"POST /2015-03-31/functions/../invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        (invoke(b"{", INVOKE), 400),
        (invoke(b"\xff\xfe", INVOKE), 400),
        (invoke(b"{}", INVOKE + "?Qualifier=7"), 404),
        (invoke(b"{}", INVOKE + "?Qualifier=$LATEST"), 200),
        (invoke(b"{}", extra="X-Amz-Invocation-Type: Event\r\n"), 202),
        (invoke(b"", "/2021-11-15/functions/none/response-streaming-invocations"), 404),
        (invoke(b"", "/2014-11-13/functions/echo/invoke-async/"), 202),
        (invoke(b"{}", extra="X-Amz-Invocation-Type: DryRun\r\n"), 204),
        (invoke(b"{}", extra="X-Amz-Log-Type: Everything\r\n"), 400),
    ],
)
async def test_odd_calls_get_their_status_and_harm_nothing(
    platform: Platform, caller: Caller, request_bytes: bytes, status: int
) -> None:
    """Each is answered in the protocol's own way, and the next caller is served."""
    caller.send(request_bytes)
    got, headers, body = await caller.receive()
    assert got == status
    if status >= 400 and headers["content-type"] == "application/json":
        assert isinstance(json.loads(body), dict)
    assert (await platform.invoke("echo", b"7")).body == b"7"


async def test_too_large_an_event_is_refused_and_heard(caller: Caller) -> None:
    """One byte over 6 MiB: the whole upload is read, the answer is a 413, and the connection goes on."""
    body = b'"' + b"x" * (6 * 1024 * 1024 - 1) + b'"'
    caller.send(invoke(body))
    status, headers, answer = await caller.receive()
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")
    assert json.loads(answer) == {
        "Type": "User",
        "message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    }
    caller.send(invoke(b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'))
    status, _, answer = await caller.receive()
    assert (status, len(answer)) == (200, 6 * 1024 * 1024)


@pytest.mark.parametrize("path", ["/lambda-url/echo/", STREAM, "/2014-11-13/functions/echo/invoke-async/"])
async def test_too_large_a_body_is_refused_on_every_path(caller: Caller, path: str) -> None:
    """Behind an Invoke too, where its reader forgets such a body: it is not taken for an empty one."""
    caller.send(invoke(b"1"))
    await caller.receive()
    caller.send(invoke(b'"' + b"x" * (6 * 1024 * 1024) + b'"', path))
    status, headers, _ = await caller.receive()
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")
    caller.send(invoke(b"2"))
    assert (await caller.receive())[2] == b"2"


async def test_malformed_requests_are_nobody_elses_business(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """Their senders are told what is wrong, and no log shows where the parser noticed."""
    caller.send(b"GET /lambda-url/echo/ HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n")
    assert (await caller.receive())[0] == 400
    assert caplog.records == []


async def test_what_follows_another_path_in_one_piece_is_not_lost(caller: Caller) -> None:
    """A connection changes hands with everything that was read from it."""
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    caller.send(invoke(b"1"))
    await caller.receive()
    caller.send(health + invoke(b"2") + health)
    assert [(await caller.receive())[2] for _ in range(3)] == [b'{"status": "ok"}', b"2", b'{"status": "ok"}']


async def test_what_has_come_in_part_ends_the_connection_cleanly(caller: Caller) -> None:
    """Behind another path, half a request in the same piece: the first is answered, and the connection says it closes."""
    caller.send(invoke(b"1"))
    await caller.receive()
    caller.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + invoke(b"2")[:30])
    status, headers, _ = await caller.receive()
    assert (status, headers["connection"]) == (200, "close")
    assert await asyncio.wait_for(caller.reader.read(), 30) == b""


async def test_a_caller_may_close_its_side_and_wait(caller: Caller) -> None:
    """A caller that says it will send no more still gets the answer to what it sent, and then the end."""
    caller.send(invoke(b"[1]") + invoke(b"[2]"))
    caller.writer.write_eof()
    assert [(await caller.receive())[2] for _ in range(2)] == [b"[1]", b"[2]"]
    assert await asyncio.wait_for(caller.reader.read(), 30) == b""


async def test_a_call_cut_short_harms_nothing(platform: Platform, caller: Caller) -> None:
    """A caller that leaves in the middle of its upload invokes nothing."""
    caller.send(invoke(b"x" * 100)[:-50])
    caller.writer.write_eof()
    assert await asyncio.wait_for(caller.reader.read(), 30) == b""
    assert (await platform.invoke("echo", b"7")).body == b"7"


async def test_garbage_behind_a_call_does_not_take_its_answer(caller: Caller) -> None:
    """The call is answered first, and the refusal comes after it."""
    caller.send(invoke(b"[1]") + b"garbage garbage\r\n\r\n")
    assert (await caller.receive())[::2] == (200, b"[1]")
    assert (await caller.receive())[0] == 400
    assert await asyncio.wait_for(caller.reader.read(), 30) == b""


async def test_a_whole_url_is_a_target_too(caller: Caller) -> None:
    """A client set up for a proxy sends scheme and host as well; both codes find the function."""
    for _ in range(2):
        caller.send(invoke(b"[1]", f"http://proxy.example{INVOKE}"))
        assert (await caller.receive())[::2] == (200, b"[1]")


async def test_bytes_that_are_no_text_are_quoted_safely(caller: Caller) -> None:
    """A header of odd bytes is refused alike by both codes."""
    odd = invoke(b"1").replace(b"Host: x\r\n", b"Host: x\r\nX-Amz-Invocation-Type: \xff\xfe\r\n")
    for first in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
        if first:
            caller.send(first)
            await caller.receive()
        caller.send(odd)
        status, headers, _ = await caller.receive()
        assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")


async def test_a_platform_that_is_left_leaves_nobody_connected(tmp_path: Path) -> None:
    """Connections that said nothing, or half of something, are closed with the rest."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event\n")
    async with Platform([Function(name="echo", task_root=str(tmp_path), handler="app.handler")]) as platform:
        host, port = platform.endpoint_url.removeprefix("http://").split(":")
        callers = [Caller(*await asyncio.open_connection(host, int(port))) for _ in range(2)]
        callers[0].send(b"POST /2015")
        probe = Caller(*await asyncio.open_connection(host, int(port)))
        probe.send(invoke(b"1"))
        await probe.receive()
    for caller in [*callers, probe]:
        assert await asyncio.wait_for(caller.reader.read(), 30) == b""
        caller.writer.close()
        await caller.writer.wait_closed()

"""InvokeWithResponseStream over raw sockets: head, frames, refusals, and callers that read slowly or not at all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

from runtime_api import Function, Platform
from runtime_api.protocol.invoke.errors import TooManyRequests
from tests.runtime_api.frontend.test_door import Caller, invoke
from tests.runtime_api.waiting import PATIENCE_S, until

APP = """
    import os
    import time

    import bootstrap

    def wait_for(file):
        while file and not os.path.exists(file):
            time.sleep(0.001)

    @bootstrap.stream
    def stream(event, context):
        wait_for(event.get("before"))
        yield "first"
        wait_for(event.get("file"))
        for _ in range(event.get("mebibytes", 0) * 16):
            yield b"x" * 65536
        if event.get("fail"):
            raise ValueError("halfway")
        yield "last"
        print("written to its end")

    def plain(event, context):
        if event == "fail":
            raise ValueError("at once")
        return event
    """


def stream_path(name: str = "stream") -> str:
    """Where it is invoked."""
    return f"/2021-11-15/functions/{name}/response-streaming-invocations"


class StreamCaller(Caller):
    """A raw connection that reads event streams."""

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).decode("latin-1")
        status_line, *lines = head.rstrip().split("\r\n")
        return int(status_line.split()[1]), {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }

    async def chunk(self) -> bytes:
        """One chunk of the body; empty at its end."""
        size = int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE_S), 16)
        return (await asyncio.wait_for(self.reader.readexactly(size + 2), PATIENCE_S))[:-2]

    async def frame(self) -> tuple[str, bytes]:
        """One frame: the type of its event, and its payload. A chunk holds exactly one."""
        buffer = EventStreamBuffer()
        buffer.add_data(await self.chunk())
        [message] = list(buffer)
        return message.headers[":event-type"], message.payload

    async def frames(self) -> list[tuple[str, bytes]]:
        """All of them to the end; pieces that follow each other are one."""
        frames = [await self.frame()]
        while frames[-1][0] != "InvokeComplete":
            frames.append(await self.frame())
        assert await self.chunk() == b""
        return [("PayloadChunk", b"".join(payload for _, payload in frames[:-1])), frames[-1]]

    async def stream(self, event: object, name: str = "stream", extra: str = "") -> list[tuple[str, bytes]]:
        """Invoke, and read what comes."""
        self.send(invoke(json.dumps(event).encode(), stream_path(name), extra))
        assert (await self.head())[0] == 200
        return await self.frames()


class Served:
    """A platform, its log and its callers."""

    def __init__(self, folder: Path) -> None:
        (folder / "app.py").write_text(dedent(APP))
        self.folder = folder
        self.log = b""
        functions = [Function(name=name, task_root=str(folder), handler=f"app.{name}") for name in ("stream", "plain")]
        self.platform = Platform(functions, log=self._on_log)
        self.callers: list[StreamCaller] = []

    def _on_log(self, _name: str, text: bytes) -> None:
        self.log += text

    async def connect(self) -> StreamCaller:
        """One more connection."""
        host, port = self.platform.endpoint_url.removeprefix("http://").split(":")
        self.callers.append(StreamCaller(*await asyncio.open_connection(host, int(port), limit=65_536)))
        return self.callers[-1]

    async def said_often(self, word: bytes, count: int) -> None:
        """Wait until the log has a word so many times."""
        await until(lambda: self.log.count(word) == count)


@pytest.fixture
async def served(tmp_path: Path, no_loop_errors: None) -> AsyncIterator[Served]:
    """A platform with a function that streams, and one that does not."""
    served = Served(tmp_path)
    async with served.platform:
        yield served
        for caller in served.callers:
            caller.writer.close()
            await asyncio.gather(caller.writer.wait_closed(), return_exceptions=True)


async def test_pieces_come_while_the_function_writes(served: Served) -> None:
    """The head as recorded and the first frame while the function waits; the rest after it, and the connection goes on."""
    caller = await served.connect()
    caller.send(invoke(json.dumps({"file": str(served.folder / "go")}).encode(), stream_path()))
    status, headers = await caller.head()
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert (headers["content-type"], headers["x-amz-executed-version"]) == (
        "application/vnd.amazon.eventstream",
        "$LATEST",
    )
    assert {"x-amzn-requestid", "x-amzn-trace-id"} <= headers.keys()
    assert await caller.frame() == ("PayloadChunk", b"first")
    assert f"START RequestId: {headers['x-amzn-requestid']}".encode() in served.log
    (served.folder / "go").touch()
    assert await caller.frames() == [("PayloadChunk", b"last"), ("InvokeComplete", b"{}")]
    assert await caller.stream({}) == [("PayloadChunk", b"firstlast"), ("InvokeComplete", b"{}")]


async def test_an_error_halfway_is_told_at_the_end(served: Served) -> None:
    """What was written is there, and the log, when it was asked for."""
    caller = await served.connect()
    (_, body), (_, complete) = await caller.stream({"fail": True}, extra="X-Amz-Log-Type: Tail\r\n")
    told = json.loads(complete)
    assert (body, list(told)) == (b"first", ["ErrorCode", "ErrorDetails", "LogResult"])
    assert (told["ErrorCode"], json.loads(told["ErrorDetails"])["errorMessage"]) == ("Unhandled", "halfway")


async def test_a_function_that_does_not_stream(served: Served) -> None:
    """Its answer is one piece; an error is none, and told at the end."""
    caller = await served.connect()
    assert await caller.stream([1], "plain") == [("PayloadChunk", b"[1]"), ("InvokeComplete", b"{}")]
    (_, body), (_, complete) = await caller.stream("fail", "plain")
    assert (body, json.loads(json.loads(complete)["ErrorDetails"])["errorMessage"]) == (b"", "at once")


async def test_invoke_of_a_function_that_streams(served: Served) -> None:
    """Its answer is collected, on the same connection too."""
    caller = await served.connect()
    await caller.stream({})
    caller.send(invoke(b"{}", "/2015-03-31/functions/stream/invocations"))
    status, headers, body = await caller.receive()
    assert (status, headers["content-length"], body) == (200, "9", b"firstlast")


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        (invoke(b"{}", stream_path("none")), 404, "ResourceNotFoundException"),
        (invoke(b"{", stream_path()), 400, "InvalidRequestContentException"),
        (invoke(b"{}", stream_path(), "X-Amz-Invocation-Type: Event\r\n"), 400, "ValidationException"),
        (invoke(b'"' + b"x" * 6_291_456 + b'"', stream_path()), 413, "RequestTooLargeException"),
        (b"GET " + stream_path().encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n", 405, "MethodNotAllowedException"),
        (invoke(b"{}", stream_path(), "X-Amz-Invocation-Type: DryRun\r\n"), 204, None),
        (invoke(b"{}", stream_path("stream%3A%24LATEST")), 200, None),
        (invoke(b"{}", stream_path("arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Astream")), 200, None),
    ],
)
async def test_refusals_before_the_first_byte(served: Served, data: bytes, status: int, error: str | None) -> None:
    """They are those of any call, with no stream; nothing was invoked."""
    caller = await served.connect()
    caller.send(data)
    got, headers = await caller.head()
    assert (got, headers.get("x-amzn-errortype")) == (status, error)
    assert (b"START" in served.log) == (status == 200)


@pytest.mark.parametrize(
    "left_in", ["before", "file", "mebibytes"], ids=["before it begins", "while it is quiet", "amid much"]
)
async def test_a_caller_that_leaves_stops_nobody(
    served: Served, left_in: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whenever it leaves: the function runs to its end, and its sandbox is used again. Nobody calls that an error."""
    caller = await served.connect()
    event = {left_in: 20 if left_in == "mebibytes" else str(served.folder / "go")}
    caller.send(invoke(json.dumps(event).encode(), stream_path()))
    if left_in == "before":
        await served.said_often(b"START", 1)
    else:
        await caller.head()
        assert (await caller.frame())[1] == b"first"
    pid = _sandbox(served)._programs.runtime.group.pid
    caller.writer.transport.abort()
    (served.folder / "go").touch()
    await served.said_often(b"written to its end", 1)
    await served.said_often(b"REPORT", 1)
    assert await (await served.connect()).stream({}) == [("PayloadChunk", b"firstlast"), ("InvokeComplete", b"{}")]
    assert _sandbox(served)._programs.runtime.group.pid == pid
    assert caplog.records == []


def _sandbox(served: Served) -> Any:  # noqa: ANN401  (the one there is, with what it keeps to itself)
    pools = served.platform._dispatcher._pools
    [sandbox] = next(pool._live for (name, _), pool in pools.items() if name == "stream")  # type: ignore[union-attr]
    return sandbox


async def test_a_caller_that_reads_slowly_is_waited_for(served: Served) -> None:
    """The function is held up, and every byte arrives once it is read."""
    caller = await served.connect()
    caller.send(invoke(b'{"mebibytes": 24}', stream_path()))
    await caller.head()
    stream = _sandbox(served)._in_hand.stream
    await until(lambda: stream._is_held)
    assert b"written" not in served.log
    (_, body), end = await caller.frames()
    assert (len(body), end) == (24 * 1024 * 1024 + 9, ("InvokeComplete", b"{}"))


async def test_a_platform_that_is_left_ends_its_streams(tmp_path: Path, no_loop_errors: None) -> None:
    """A reader that waits is told how the function ended, and one that does not read holds nobody up."""
    served = Served(tmp_path)
    async with served.platform:
        waiting, silent = await served.connect(), await served.connect()
        waiting.send(invoke(json.dumps({"file": "/never"}).encode(), stream_path()))
        silent.send(invoke(b'{"mebibytes": 100}', stream_path()))
        for caller in (waiting, silent):
            await caller.head()
        assert await waiting.frame() == ("PayloadChunk", b"first")
    _, complete = await waiting.frame()
    assert "Runtime.ExitError" in json.loads(complete)["ErrorDetails"]
    for caller in (waiting, silent):
        caller.writer.close()
        await asyncio.gather(caller.writer.wait_closed(), return_exceptions=True)


async def test_streams_without_http(served: Served) -> None:
    """The platform as an object gives the stream itself."""
    outcome = await served.platform.invoke("stream", b"{}", wants_stream=True)
    assert outcome.stream is not None
    assert [piece async for piece in outcome.stream] == [b"first", b"last"]
    assert not (await outcome.stream.end()).is_function_error


async def test_a_stream_under_way_takes_its_sandbox(tmp_path: Path, no_loop_errors: None) -> None:
    """Until its function is done, although its answer has long begun: with a concurrency of one, others are throttled."""
    (tmp_path / "app.py").write_text(dedent(APP))
    function = Function(name="stream", task_root=str(tmp_path), handler="app.stream", concurrency=1)
    async with Platform([function], port=None) as platform:
        event = json.dumps({"file": str(tmp_path / "go")}).encode()
        outcome = await platform.invoke("stream", event, wants_stream=True)
        with pytest.raises(TooManyRequests):
            await platform.invoke("stream", event)
        (tmp_path / "go").touch()
        assert outcome.stream is not None
        assert [piece async for piece in outcome.stream] == [b"first", b"last"]
        assert (await platform.invoke("stream", event)).body == b"firstlast"


async def test_streams_can_be_as_slow_as_on_lambda(tmp_path: Path, no_loop_errors: None) -> None:
    """Seven megabytes take half a second then, and nothing is lost."""
    (tmp_path / "app.py").write_text(dedent(APP))
    function = Function(name="stream", task_root=str(tmp_path), handler="app.stream", timeout_ms=20_000)
    async with Platform([function], port=None, throttle_streams=True) as platform:
        outcome = await platform.invoke("stream", b'{"mebibytes": 7}', wants_stream=True)
        assert outcome.stream is not None
        began = time.monotonic()
        assert sum([len(piece) async for piece in outcome.stream]) == 7 * 1024 * 1024 + 9
        assert time.monotonic() - began > 0.45

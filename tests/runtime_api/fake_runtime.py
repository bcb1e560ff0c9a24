"""A runtime as its endpoint meets it: a client that says exactly the bytes it is told to, and reads exact answers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import msgspec

from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.sandbox.endpoint.response_stream import LiveStream

API = "/2018-06-01"
NEXT = f"{API}/runtime/invocation/next"
INIT_ERROR = f"{API}/runtime/init/error"
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello"
TRACE_ID = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
PATIENCE_S = 10
STREAMING = "Lambda-Runtime-Function-Response-Mode: streaming\r\n"


def response_path(request_id: str = REQUEST_ID) -> str:
    """Where a result is posted."""
    return f"{API}/runtime/invocation/{request_id}/response"


def error_path(request_id: str = REQUEST_ID) -> str:
    """Where an error is posted."""
    return f"{API}/runtime/invocation/{request_id}/error"


def invocation(
    request_id: str = REQUEST_ID, payload: bytes = b'{"n":1}', *, tail: bool = False, stream: bool = False
) -> Invocation:
    """An ordinary invocation."""
    return Invocation(request_id, payload, ARN, TRACE_ID, wants_log_tail=tail, wants_stream=stream)


class Answer(msgspec.Struct):
    """What came back; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class FakeRuntime:
    """One connection to a Runtime API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, address: str) -> FakeRuntime:
        """Connect to `host:port`."""
        host, port = address.split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    def send(self, data: bytes) -> None:
        """Say these bytes."""
        self._writer.write(data)

    def send_eof(self) -> None:
        """Say no more, and go on listening."""
        self._writer.write_eof()

    def begin_stream(self, request_id: str = REQUEST_ID, headers: str = "") -> None:
        """Begin an answer that goes on, whose pieces are chunks; `headers` is one `Name: value\\r\\n` after the other."""
        head = f"POST {response_path(request_id)} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{STREAMING}{headers}\r\n"
        self.send(head.encode())

    def chunk(self, piece: bytes) -> None:
        """A piece of it; an empty one is its end."""
        self.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def reset(self) -> None:
        """Vanish as a process does that is killed with bytes unread: the other side sees a reset."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def sent(self) -> None:
        """Wait until the system took what was said."""
        await asyncio.wait_for(self._writer.drain(), PATIENCE_S)

    async def answer(self) -> Answer:
        """The next answer, head and body."""
        return await asyncio.wait_for(self._answer(), PATIENCE_S)

    async def _answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head[:-4].split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(start.split()[1]), headers, body)

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        return await asyncio.wait_for(self._reader.read(), PATIENCE_S)

    async def line(self) -> bytes:
        """One line as it comes."""
        return await asyncio.wait_for(self._reader.readline(), PATIENCE_S)

    async def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> Answer:
        """An ordinary request, and its answer; `headers` is one `Name: value\\r\\n` after the other."""
        self.send(request_bytes(method, path, body, headers))
        return await self.answer()

    def park(self) -> None:
        """Ask for the next event, without waiting for it."""
        self.send(request_bytes("GET", NEXT))

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._writer.wait_closed(), PATIENCE_S)
        except ConnectionError:
            # the other side was quicker
            return


def request_bytes(method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
    """A request as ordinary clients write it."""
    length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{headers}\r\n".encode("latin-1") + body


class RecordingOwner:
    """An endpoint's owner that writes down what it is told."""

    def __init__(self) -> None:
        self.ready_count = 0
        self.outcomes: list[Outcome] = []
        self.init_failures: list[Outcome] = []
        self.streams: list[LiveStream] = []
        self._changed = asyncio.Event()

    def runtime_ready(self) -> None:
        """The runtime asks for an event."""
        self.ready_count += 1
        self._changed.set()

    def runtime_answered(self, request_id: str, outcome: Outcome, began_ms: float | None) -> None:
        """The runtime answered."""
        self.outcomes.append(outcome)
        self._changed.set()

    def runtime_streams(self, request_id: str, stream: LiveStream) -> None:
        """The runtime began an answer that goes on."""
        self.streams.append(stream)
        self._changed.set()

    async def streaming(self, count: int = 1) -> LiveStream:
        """Wait until `count` answers have begun that go on; the last of them."""
        await asyncio.wait_for(self._until(lambda: len(self.streams) >= count), PATIENCE_S)
        return self.streams[-1]

    async def over(self, count: int = 1) -> Outcome:
        """Wait until there are `count` outcomes; the last of them."""
        await asyncio.wait_for(self._until(lambda: len(self.outcomes) >= count), PATIENCE_S)
        return self.outcomes[-1]

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def runtime_failed_init(self, outcome: Outcome) -> None:
        """The runtime reported an init error."""
        self.init_failures.append(outcome)
        self._changed.set()

    async def ready(self, count: int = 1) -> None:
        """Wait until the runtime has been ready `count` times."""
        await asyncio.wait_for(self._until(lambda: self.ready_count >= count), PATIENCE_S)

"""A subscriber's listener as extensions have it, for HTTP and for TCP, that behaves as badly as it is told to."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

from runtime_api.telemetry.api.subscription_request import HttpTarget, TcpTarget
from tests.runtime_api.waiting import until


class HttpRequest:
    """What the listener was sent."""

    def __init__(self, head: str, body: bytes) -> None:
        self.head = head
        self.body = body

    @property
    def events(self) -> list[dict[str, Any]]:
        """The array in the body."""
        events: list[dict[str, Any]] = json.loads(self.body)
        return events


class RealListener:
    """Listens on a free port. `answers` are used up one a request, then it is 200; None closes, an empty one says nothing."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.connections = 0
        self.received = b""
        self.answers: list[bytes | None] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self, *, http: bool = True) -> None:
        """Take connections."""
        serve = self._serve_http if http else self._serve_tcp
        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Go away."""
        if self._server is not None:
            self._server.close()
        self.drop()
        await until(lambda: not self._writers)

    def drop(self) -> None:
        """Close every connection."""
        self.reading.set()
        for writer in self._writers:
            writer.transport.abort()

    def drop_gently(self) -> None:
        """Close every connection once all is sent."""
        for writer in self._writers:
            writer.close()

    def reset(self) -> None:
        """Close every connection as who leaves bytes unread does."""
        for writer in self._writers:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    @property
    def http(self) -> HttpTarget:
        """Where it takes HTTP."""
        return HttpTarget(self.port, f"sandbox.localdomain:{self.port}", "/path?a=%2F")

    @property
    def tcp(self) -> TcpTarget:
        """Where it takes lines."""
        return TcpTarget(self.port)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All it was sent."""
        return [event for request in self.requests for event in request.events]

    async def _serve_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                await self._take_request(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            # either side closed
            return
        finally:
            writer.close()
            self._writers.discard(writer)

    async def _take_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("Content-Length:"))
        self.requests.append(HttpRequest(head, await reader.readexactly(length)))
        answer = self.answers.pop(0) if self.answers else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
        if answer is None:
            raise ConnectionAbortedError
        writer.write(answer)
        await writer.drain()

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while data := await self._read(reader):
                self.received += data
        except OSError:
            # the other side closed
            return
        finally:
            writer.close()
            self._writers.discard(writer)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        await self.reading.wait()
        return await reader.read(65_536)

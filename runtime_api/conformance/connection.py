"""The suite's own end of an HTTP/1.1 connection: strict in what it records, free to misbehave in what it sends.

httptools parses, so that what is called malformed is so by a well-kept parser's word.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import httptools

from runtime_api.conformance.messages import Reply, Request
from runtime_api.conformance.wire_log import CLOSED, OPENED, RECEIVED, SENT


@dataclass(frozen=True)
class Manners:
    """How every connection is treated. `expect`: what becomes of `Expect: 100-continue`. `read_bytes_per_s`: 0 for no brake."""

    expect: Literal["continue", "ignore"] = "continue"
    read_bytes_per_s: int = 0


class Listener(Protocol):
    """Who hears of what happens on a connection."""

    def arrived(self, request: Request, connection: Connection) -> None:
        """A request is here: whole, truncated or malformed."""

    def lost(self, connection: Connection) -> None:
        """The connection is over."""

    def log(self, number: int, direction: str, data: bytes) -> None:
        """Something for the wire log: number of the connection, SENT, RECEIVED, OPENED or CLOSED, and the bytes."""

    def failed(self, error: BaseException) -> None:
        """A reply could not be delivered, by our own fault."""


class Connection(asyncio.Protocol):
    """One connection. `now_ms` is the clock of the record."""

    def __init__(self, number: int, manners: Manners, now_ms: Callable[[], float], listener: Listener) -> None:
        self.number = number
        self._manners = manners
        self._now_ms = now_ms
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._request: Request | None = None
        self._in_body = False
        self._raw = bytearray()
        self._chunks: list[bytes] = []
        self._is_given_up = False
        self._is_ended_by_us = False
        self._deliveries: set[asyncio.Task[None]] = set()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._listener.log(self.number, OPENED, b"")

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        self._listener.log(self.number, RECEIVED, data)
        if self._is_given_up:
            return
        if self._request is None:
            self.on_message_begin()
        if not self._in_body:
            self._raw += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._give_up("it asks for another protocol")
        except httptools.HttpParserError as error:
            self._give_up(str(error))
        self._brake(len(data))

    def eof_received(self) -> bool:
        """No more will come: what is not whole never will be."""
        self._cut()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._transport = None
        self._cut()
        self._listener.log(self.number, CLOSED, b"by us" if self._is_ended_by_us else b"")
        self._listener.lost(self)

    # the parser's side

    def on_message_begin(self) -> None:
        """A request starts."""
        if self._request is None:
            self._request = Request(self.number, self._now_ms())
            self._chunks = []

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        assert self._request is not None
        self._request.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer."""
        assert self._request is not None
        fields = self._request.trailers if self._in_body else self._request.headers
        fields.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        """The head is here."""
        request = self._request
        assert request is not None
        request.method = self._parser.get_method().decode()
        request.keep_alive = self._parser.should_keep_alive()
        request.head_ms = self._now_ms()
        request.raw_head = bytes(self._raw).partition(b"\r\n\r\n")[0]
        self._raw.clear()
        self._in_body = True
        if (request.header("expect") or "").lower() == "100-continue" and self._manners.expect == "continue":
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        """A piece of the body."""
        assert self._request is not None
        self._request.pieces.append((self._now_ms(), len(chunk)))
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._finish()

    # our side

    def answer(self, reply: Reply, done: Callable[[bool], None]) -> None:
        """Deliver a reply in the way it says; `done` is then told whether anybody was there to get it."""
        task = asyncio.get_running_loop().create_task(self._deliver(reply, done))
        self._deliveries.add(task)
        task.add_done_callback(self._delivered)

    def end(self, *, rudely: bool = False) -> None:
        """End it; rudely, the other side hears of it by a reset."""
        if self._transport is None:
            return
        self._is_ended_by_us = True
        if not rudely:
            self._transport.close()
            return
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def forget(self) -> None:
        """End it and whatever was still to be delivered."""
        for task in self._deliveries:
            task.cancel()
        self.end(rudely=True)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._deliveries.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._listener.failed(error)

    async def _deliver(self, reply: Reply, done: Callable[[bool], None]) -> None:
        await asyncio.sleep(reply.delay_ms / 1000)
        is_open = self._transport is not None
        if reply.drop:
            self.end(rudely=reply.drop == "rst")
        else:
            await self._write_in_pieces(reply.encode(), reply.piece_bytes)
            if reply.ends_connection:
                self.end()
        done(is_open)

    async def _write_in_pieces(self, data: bytes, piece_bytes: int) -> None:
        step = piece_bytes or len(data)
        for at in range(0, len(data), step):
            self._write(data[at : at + step])
            if step < len(data):
                await asyncio.sleep(0)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._listener.log(self.number, SENT, data)
            self._transport.write(data)

    def _brake(self, size: int) -> None:
        if not self._manners.read_bytes_per_s or self._transport is None:
            return
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(size / self._manners.read_bytes_per_s, self._release)

    def _release(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _cut(self) -> None:
        if self._request is not None and not self._is_given_up and (self._raw or self._in_body):
            self._request.truncated = True
            self._finish()

    def _give_up(self, complaint: str) -> None:
        self._is_given_up = True
        if self._request is None:
            return
        self._request.malformed = complaint
        self._request.raw_head = self._request.raw_head or bytes(self._raw)
        self._finish()

    def _finish(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        request.body = b"".join(self._chunks)
        request.arrived_ms = self._now_ms()
        self._in_body = False
        self._raw.clear()
        self._listener.arrived(request, self)

"""The two ways to a subscriber's listener: HTTP with a JSON array, TCP with a line for each event.

`sandbox.localdomain` is this machine. No answer is waited for with a limit of its own: a listener may be frozen between two
invocations, and what waits behind it is bounded. HTTP is written here, on httptools: a general client takes longer to load than
what is left of a sandbox that ends may last.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import httptools

from runtime_api.telemetry.api.subscription_request import HttpTarget, TcpTarget

_HOST = "127.0.0.1"
_ANSWER_LIMIT_BYTES = 64 * 1024


class NotDelivered(Exception):
    """The listener did not take a batch."""


class ListenerGone(NotDelivered):
    """Nobody listens on the port."""


class Listener(Protocol):
    """Where batches go."""

    async def send(self, items: list[bytes]) -> None:
        """Deliver one batch; raises NotDelivered."""

    async def close(self) -> None:
        """Give the connection back."""


def listener_of(target: HttpTarget | TcpTarget) -> Listener:
    """The way to a target; nothing is opened before the first batch."""
    return HttpListener(target) if isinstance(target, HttpTarget) else TcpListener(target)


class HttpListener:
    """One keep-alive connection, one request at a time."""

    def __init__(self, target: HttpTarget) -> None:
        self._line = _Line(target.port)
        self._head = (
            f"{target.method} {target.target} HTTP/1.1\r\nHost: {target.host}\r\nContent-Type: application/json\r\n"
        )

    async def send(self, items: list[bytes]) -> None:
        body = b"[" + b",".join(items) + b"]"
        answer = _Answer()
        try:
            reader, writer = await self._line.connected()
            writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await answer.read_from(reader)
        except ConnectionRefusedError as error:
            raise ListenerGone(str(error)) from None
        except (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NotDelivered(str(error)) from None
        finally:
            if not answer.keeps_connection:
                await self._line.close()
        if not 200 <= answer.status < 300:
            raise NotDelivered(f"the listener answered {answer.status}")

    async def close(self) -> None:
        await self._line.close()


class TcpListener:
    """One connection. There are no answers: what was sent on a dying one is lost."""

    def __init__(self, target: TcpTarget) -> None:
        self._line = _Line(target.port)

    async def send(self, items: list[bytes]) -> None:
        try:
            _, writer = await self._line.connected()
            writer.write(b"\n".join(items) + b"\n")
            await writer.drain()
        except ConnectionRefusedError as error:
            raise ListenerGone(str(error)) from None
        except OSError as error:
            raise NotDelivered(str(error)) from None

    async def close(self) -> None:
        await self._line.close()


class _Line:
    """A connection to a port, opened when it is needed and again when it is lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and not self._streams[0].at_eof() and not self._streams[1].is_closing():
            return self._streams
        await self.close()
        self._streams = await asyncio.open_connection(_HOST, self._port)
        # Nothing stays with us: drained means the system has it.
        self._streams[1].transport.set_write_buffer_limits(high=0)
        return self._streams

    async def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is None:
            return
        writer = streams[1]
        if writer.transport.get_write_buffer_size():
            # cut off in the middle of a batch that nobody reads
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class _Answer:
    """The listener's answer, of which only the status counts; httptools calls what begins with `on_`."""

    def __init__(self) -> None:
        self.status = 0
        self.keeps_connection = False
        self._is_whole = False
        self._parser = httptools.HttpResponseParser(self)
        # A listener of a few lines may end its lines as its language does.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    async def read_from(self, reader: asyncio.StreamReader) -> None:
        """To its end, so that the connection can be used again; a listener that talks without end loses it."""
        size = 0
        while not self._is_whole and size <= _ANSWER_LIMIT_BYTES:
            data = await reader.read(_ANSWER_LIMIT_BYTES)
            if not data and not self.status:
                raise ConnectionResetError("the listener closed the connection")
            if not data:
                return
            size += len(data)
            self._parser.feed_data(data)
        if not self.status:
            raise ConnectionAbortedError(f"no answer in its first {size} bytes")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self.status = status if status >= 200 else 0

    def on_message_complete(self) -> None:
        self._is_whole = self.status != 0
        self.keeps_connection = self._is_whole and self._parser.should_keep_alive()

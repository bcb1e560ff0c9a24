"""The two ways to a subscriber's listener: HTTP with a JSON array, TCP with a line for each event.

`sandbox.localdomain` is this machine. No answer is waited for with a limit of its own: a listener may be frozen between two
invocations, and what waits behind it is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from runtime_api.telemetry.api.subscription_request import HttpTarget, TcpTarget

if TYPE_CHECKING:
    import aiohttp

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
        self._method = target.method
        self._url = f"http://{_HOST}:{target.port}{target.target}"
        self._headers = {"Host": target.host, "Content-Type": "application/json"}
        self._session: aiohttp.ClientSession | None = None

    async def send(self, items: list[bytes]) -> None:
        if self._session is None:
            # It takes long to load, most functions have no subscriber, and nobody else waits for it.
            await asyncio.to_thread(import_module, "aiohttp")
            self._session = _new_session()
        import aiohttp
        from yarl import URL

        try:
            async with self._session.request(
                self._method,
                URL(self._url, encoded=True),
                data=b"[" + b",".join(items) + b"]",
                headers=self._headers,
                allow_redirects=False,
            ) as answer:
                await _read_on(answer)
        except aiohttp.ClientConnectorError as error:
            raise ListenerGone(str(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(str(error)) from None
        if not 200 <= answer.status < 300:
            raise NotDelivered(f"the listener answered {answer.status}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _new_session() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=False,
    )


async def _read_on(answer: aiohttp.ClientResponse) -> None:
    # To its end, so that the connection can be used again; a listener that talks without end loses it.
    size = 0
    while chunk := await answer.content.readany():
        size += len(chunk)
        if size > _ANSWER_LIMIT_BYTES:
            answer.close()
            return


class TcpListener:
    """One connection, opened again when it is lost. There are no answers: what was sent on a dying connection is lost."""

    def __init__(self, target: TcpTarget) -> None:
        self._port = target.port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, items: list[bytes]) -> None:
        try:
            writer = await self._connected()
            writer.write(b"\n".join(items) + b"\n")
            await writer.drain()
        except ConnectionRefusedError as error:
            raise ListenerGone(str(error)) from None
        except OSError as error:
            raise NotDelivered(str(error)) from None

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if writer.transport.get_write_buffer_size():
            # cut off in the middle of a batch that nobody reads
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _connected(self) -> asyncio.StreamWriter:
        writer, reader = self._writer, self._reader
        if writer is not None and reader is not None and not reader.at_eof() and not writer.is_closing():
            return writer
        await self.close()
        self._reader, self._writer = await asyncio.open_connection(_HOST, self._port)
        # Nothing stays with us: drained means the system has it.
        self._writer.transport.set_write_buffer_limits(high=0)
        return self._writer

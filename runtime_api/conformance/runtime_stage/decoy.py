"""A place where no request ought to come: what does is recorded, and gets no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime_api.conformance.connection import Connection, Manners
from runtime_api.conformance.messages import Request


class Decoy:
    """A listener. `requests` is where it records."""

    def __init__(self, requests: list[Request], now_ms: Callable[[], float], changed: Callable[[], None]) -> None:
        self._requests = requests
        self._now_ms = now_ms
        self._changed = changed
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> bool:
        """Listen; whether the place could be had."""
        try:
            self._server = await asyncio.get_running_loop().create_server(self._connect, host, port)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def _connect(self) -> Connection:
        return Connection(0, Manners(), self._now_ms, self)

    def arrived(self, request: Request, connection: Connection) -> None:
        """It ought not to be here."""
        self._requests.append(request)
        connection.end()
        self._changed()

    def lost(self, connection: Connection) -> None:
        """Nobody cares."""

    def log(self, number: int, direction: str, data: bytes) -> None:
        """The wire log is the Runtime API's."""

    def failed(self, error: BaseException) -> None:
        """It answers nothing."""

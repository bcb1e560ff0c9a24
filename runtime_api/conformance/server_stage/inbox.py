"""Where telemetry is delivered: a listener inside the environment, whose connections the bootstrap relays, and which accepts everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httptools

from runtime_api.conformance.messages import NotJson, strict_json
from runtime_api.conformance.server_stage.channel import Log
from runtime_api.conformance.server_stage.switchboard import Streams
from runtime_api.conformance.wire_log import RECEIVED

_ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_READ_BYTES = 256 * 1024
_NUMBER = 9000


class Inbox:
    """`bodies` are those of the requests that came, as JSON or as a NotJson; `events` what is in the arrays among them."""

    def __init__(self, log: Log) -> None:
        self.bodies: list[Any] = []
        self.changed = asyncio.Event()
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events, in the order of arrival."""
        arrays = [body for body in self.bodies if isinstance(body, list)]
        return [event for array in arrays for event in array if isinstance(event, dict)]

    def accept(self, streams: Streams) -> None:
        """A connection came."""
        task = asyncio.get_running_loop().create_task(self._serve(*streams))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Take nothing more."""
        for task in self._tasks:
            task.cancel()

    async def until(self, condition: Callable[[], object], within_s: float) -> bool:
        """Wait until something is so; whether it came to that."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not condition():
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), deadline - asyncio.get_running_loop().time())
            except (asyncio.TimeoutError, TimeoutError):
                return False
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = _Request()
        parser = httptools.HttpRequestParser(request)
        try:
            while data := await reader.read(_READ_BYTES):
                self._log(_NUMBER, RECEIVED, data)
                parser.feed_data(data)
                for body in request.taken():
                    self.bodies.append(strict_json(body))
                    self.changed.set()
                    writer.write(_ACCEPTED)
        except (OSError, httptools.HttpParserError):
            self.bodies.append(NotJson("no HTTP request"))
        finally:
            writer.transport.abort()


class _Request:
    """httptools' view of what arrives."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._bodies: list[bytes] = []

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        self._bodies.append(b"".join(self._pieces))
        self._pieces = []

    def taken(self) -> list[bytes]:
        """The bodies that are whole, once."""
        bodies, self._bodies = self._bodies, []
        return bodies

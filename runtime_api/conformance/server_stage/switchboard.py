"""Where the bootstraps that the server under test starts report to the suite, and where their relayed connections arrive."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import weakref
from collections.abc import Callable
from typing import Any

from runtime_api.conformance.server_stage.channel import Channel, Log

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_LINE_BYTES = 4 * 1024 * 1024
_DIAL_S = 10.0
# A sandbox that is frozen carries out nothing until it is thawed.
_ORDER_S = 5.0


class Line:
    """The suite's line to one bootstrap that was started. `environment` is what it was started with."""

    def __init__(self, hello: dict[str, Any], streams: Streams) -> None:
        self.environment: dict[str, str] = hello.get("environment", {})
        self.pid: int = hello.get("pid", 0)
        self._reader, self._writer = streams
        self._numbers = itertools.count(1)
        self._orders: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.is_open = True
        self.listening = asyncio.create_task(self._listen())

    async def order(self, do: str, **details: object) -> dict[str, Any]:
        """Have it do something, and wait until it has; an empty result when it no longer can, or does not now."""
        number = next(self._numbers)
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._orders[number] = done
        if self.tell(do, number=number, **details):
            await asyncio.wait([done], timeout=_ORDER_S)
        del self._orders[number]
        return done.result() if done.done() else {}

    def tell(self, do: str, **details: object) -> bool:
        """Have it do something; whether it is still there to be told."""
        if self.is_open:
            self._writer.write(json.dumps({"do": do, **details}).encode() + b"\n")
        return self.is_open

    def hang_up(self) -> None:
        """It ends when it hears of this."""
        self.listening.cancel()
        self._writer.close()
        self._over()

    async def gone(self, *, within_s: float | None = None) -> bool:
        """Wait until it is over, no longer than for an order; whether it is."""
        await asyncio.wait([self.listening], timeout=_ORDER_S if within_s is None else within_s)
        return not self.is_open

    async def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := await self._reader.readline():
                report = json.loads(line)
                if report["done"] in self._orders:
                    self._orders[report["done"]].set_result(report)
        self._writer.close()
        self._over()

    def _over(self) -> None:
        self.is_open = False
        for waiting in self._orders.values():
            if not waiting.done():
                waiting.set_result({})


class Switchboard:
    """One listener; `address` is what the file beside the bootstrap says. `arrived` is set when a bootstrap reports."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.arrived = asyncio.Event()
        self.address = ""
        self._secret = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._dialled: dict[int, asyncio.Future[Streams]] = {}
        self._listeners: dict[int, Callable[[Streams], None]] = {}
        self._server: asyncio.Server | None = None
        self._writers: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._greet, host, port, limit=_LINE_BYTES)
        self.address = f"{host}:{self._server.sockets[0].getsockname()[1]} {self._secret}"

    def close(self) -> None:
        """Stop listening, and let every bootstrap end."""
        if self._server is not None:
            self._server.close()
        self.release()

    def release(self) -> None:
        """Let every bootstrap end that is there now."""
        for line in self.lines:
            line.hang_up()
        self.lines.clear()
        self._listeners.clear()
        for writer in list(self._writers):
            writer.transport.abort()

    async def dial(self, line: Line, now_ms: Callable[[], float], log: Log) -> Channel:
        """A connection to the Runtime API from where the bootstrap is."""
        number = next(self._numbers)
        arriving: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()
        self._dialled[number] = arriving
        if line.tell("dial", channel=number):
            either: set[asyncio.Future[Any]] = {arriving, line.listening}
            await asyncio.wait(either, timeout=_DIAL_S, return_when=asyncio.FIRST_COMPLETED)
        streams = arriving.result() if arriving.done() else None
        del self._dialled[number]
        return Channel(number, streams, now_ms, log, "the runtime is gone")

    async def listen(self, line: Line, accepted: Callable[[Streams], None]) -> int:
        """Have a bootstrap listen; `accepted` is called with each connection. The port, 0 when it no longer can."""
        number = next(self._numbers)
        self._listeners[number] = accepted
        return int((await line.order("listen", channel=number)).get("port", 0))

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            hello = json.loads(await reader.readline())
            if hello["secret"] != self._secret:
                raise ValueError("it is not one of ours")
        except (OSError, ValueError, KeyError, TypeError):
            writer.close()
            return
        self._sort(hello, (reader, writer))

    def _sort(self, hello: dict[str, Any], streams: Streams) -> None:
        if "channel" in hello:
            arriving = self._dialled.get(hello["channel"])
            if arriving is None:
                streams[1].close()
            elif not arriving.done():
                arriving.set_result(streams)
        elif "accepted" in hello:
            accepted = self._listeners.get(hello["accepted"])
            if accepted is None:
                streams[1].close()
            else:
                accepted(streams)
        else:
            self.lines.append(Line(hello, streams))
            self.arrived.set()

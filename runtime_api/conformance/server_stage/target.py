"""The server under test: how it is started or found, and how patiently it is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from runtime_api.conformance.runner import CannotJudge
from runtime_api.conformance.runtime_stage.record import Process
from runtime_api.conformance.runtime_stage.testee import Testee
from runtime_api.conformance.server_stage.function_folder import ServerUnusable as ServerUnusable  # raised here as well
from runtime_api.conformance.server_stage.function_folder import fill_folder
from runtime_api.conformance.server_stage.ports import free_ports
from runtime_api.conformance.server_stage.switchboard import Switchboard
from runtime_api.conformance.verdicts import printable

_START_S = 30.0
_STOP_S = 5.0
_LOOK_AGAIN_S = 0.01
# Long enough for a server to see that the process of its sandbox is gone.
_SETTLE_S = 0.3
_USUAL_TIMEOUT_S = 30
_KEPT_VARIABLES = ("PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class ServerNeverStarts(ServerUnusable, CannotJudge):
    """The command has not started a server yet, and no feature's options are to blame: no verdict is possible."""


class ServerPace(msgspec.Struct, frozen=True):
    """How long things are waited for, in seconds.

    `patience_s`: for anything a server ought to do at once. `idle_s`: how long a poll is left alone. `timeout_s`: the function's timeout
    where a scenario is about it. `quiet_s`: how long nothing has to happen to be taken for nothing.
    """

    patience_s: float = 10.0
    idle_s: float = 6.0
    timeout_s: int = 3
    quiet_s: float = 0.5


QUICK = ServerPace()
SLOW = ServerPace(patience_s=20.0, idle_s=70.0, quiet_s=2.0)


@dataclass(frozen=True)
class Place:
    """Where a server is to be for one scenario. `timeout_s` is None for any that is long enough; `feature` names extra options."""

    folder: Path
    timeout_s: int | None
    feature: str
    now_ms: Callable[[], float]


class Served(Protocol):
    """A server that takes calls at `host` and `port`, and whose bootstraps report to `switchboard`."""

    host: str
    port: int
    timeout_s: float
    switchboard: Switchboard
    record: Process

    async def end(self) -> None:
        """Leave it, and nothing of the scenario with it."""


class Target(Protocol):
    """Something servers can be had from."""

    @property
    def function(self) -> str:
        """The name of the function."""

    @property
    def features(self) -> frozenset[str]:
        """What is claimed."""

    async def serve(self, place: Place) -> Served:
        """A server, ready. Raises ServerUnusable."""


@dataclass
class SpawnedServers:
    """A command that starts a server; `{port}`, `{api_port}`, `{task}`, `{bootstrap}`, `{timeout}` and `{function}` are filled in.

    `options`: what is added to it, by feature, for the scenarios on that feature. `timeout_s`: the function's timeout, where the command
    has no place for one. `has_served`: whether a server was ready once, so that one that is not says nothing of the others.
    """

    command: tuple[str, ...]
    function: str = "function"
    features: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    timeout_s: float = 3.0
    has_served: bool = field(default=False, init=False)
    _first: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def serve(self, place: Place) -> SpawnedServer:
        """Start one, and wait until it takes connections. Raises CannotJudge where that never happens."""
        # One at first: what fails beside others that are still starting says nothing of those.
        async with self._first:
            if not self.has_served:
                return await self._start(place)
        return await self._start(place)

    async def _start(self, place: Place) -> SpawnedServer:
        server = SpawnedServer(self, place)
        try:
            await server.start()
        except BaseException as error:
            await server.end()
            if isinstance(error, ServerUnusable) and not (self.has_served or self.options.get(place.feature)):
                raise ServerNeverStarts(str(error)) from None
            raise
        self.has_served = True
        return server


class SpawnedServer:
    """One start of the command, for one scenario."""

    host = "127.0.0.1"

    def __init__(self, servers: SpawnedServers, place: Place) -> None:
        self.port, self._api_port = free_ports(2)
        can_be_told = any("{timeout}" in word for word in servers.command)
        self.timeout_s = float(place.timeout_s or _USUAL_TIMEOUT_S) if can_be_told else servers.timeout_s
        self.switchboard = Switchboard()
        self._servers = servers
        self._place = place
        self._mark = f"conformance-{secrets.token_hex(16)}"
        self._testee = Testee(self._mark, place.now_ms, lambda: None)
        self.record = self._testee.record

    async def start(self) -> None:
        """Start it."""
        await self.switchboard.open()
        task = fill_folder(self._place.folder / "task", self.switchboard.address)
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        # Who is killed in the end cannot clean up.
        tmp = self._place.folder / "tmp"
        tmp.mkdir(exist_ok=True)
        environment = {**kept, "TMPDIR": str(tmp), **self._servers.environment, "CONFORMANCE_MARK": self._mark}
        await self._testee.start(self._argv(task), environment, self._place.folder)
        await self._ready()

    def _argv(self, task: Path) -> list[str]:
        filled = {
            "port": str(self.port),
            "api_port": str(self._api_port),
            "task": str(task),
            "bootstrap": str(task / "bootstrap"),
            "timeout": f"{self.timeout_s:g}",
            "function": self._servers.function,
        }
        words = [*self._servers.command, *self._servers.options.get(self._place.feature, ())]
        return [_filled(word, filled) for word in words]

    async def _ready(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_S
        while not await _accepts(self.host, self.port):
            if not self._testee.is_alive or loop.time() > deadline:
                raise ServerUnusable(await self._absence())
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _absence(self) -> str:
        if self._testee.is_alive:
            self.record.ended_by_us = f"it was not ready after {_START_S:g} s"
        await self._testee.clear()
        printed = (self.record.stdout + self.record.stderr)[-2000:].decode("utf-8", "replace").strip()
        told = f": {printable(printed)}" if printed else ""
        return f"the server takes no connections on port {self.port}; it {self.record.ending}{told}"

    async def end(self) -> None:
        """End it in order, then whatever is left of it."""
        self.switchboard.close()
        if self._testee.is_alive:
            self.record.ended_by_us = "the scenario was over"
            self._testee.signal(signal.SIGTERM)
            deadline = asyncio.get_running_loop().time() + _STOP_S
            while self._testee.is_alive and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  (a process tells nobody)
                await asyncio.sleep(_LOOK_AGAIN_S)
        await self._testee.clear()


class FoundServer:
    """A server that runs already, whose function is the folder the suite wrote: one for all scenarios, one after the other."""

    def __init__(
        self, url: str, task: Path, timeout_s: float, function: str = "function", features: frozenset[str] = frozenset()
    ) -> None:
        """Raises ServerUnusable for what is no URL of a server."""
        self.host, self.port = _address_of(url)
        self.timeout_s = timeout_s
        self.function = function
        self.features = features
        self.switchboard = Switchboard()
        self.record = Process()
        self._task = task

    async def open(self, host: str, port: int) -> None:
        """Write the folder anew, and wait for its bootstraps at an address. Raises OSError and ServerUnusable."""
        await self.switchboard.open(host, port)
        fill_folder(self._task, self.switchboard.address)
        if not await _accepts(self.host, self.port):
            raise ServerUnusable(f"nobody takes connections at {self.host}:{self.port}")

    async def serve(self, place: Place) -> FoundServer:
        """The same one; every sandbox it has is made to end, so that the scenario gets a new one."""
        await self._settle()
        return self

    async def end(self) -> None:
        """Leave it."""
        await self._settle()

    async def _settle(self) -> None:
        if self.switchboard.lines:
            self.switchboard.release()
            await asyncio.sleep(_SETTLE_S)

    def close(self) -> None:
        """No scenario will come any more."""
        self.switchboard.close()


def _address_of(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname:
            return parts.hostname, parts.port or 80
        reason = ""
    except ValueError as error:
        reason = f": {error}"
    raise ServerUnusable(f"{url} is no http:// URL of a server{reason}")


def _filled(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True

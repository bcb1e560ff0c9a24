"""A sandbox with a real process in it, on a clock that stands still, and what it told the world."""

from __future__ import annotations

import asyncio
import re

import psutil

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.sandbox.in_hand import InitFailed
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.sandbox import Sandbox, SandboxState
from runtime_api.sandbox.telling.outlets import Outlets
from tests.runtime_api.fake_runtime import REQUEST_ID, invocation
from tests.runtime_api.lone_place import lone_place
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

_MEMORY = re.compile(rb"Max Memory Used: \d+ MB")


class LivingSandbox:
    """The sandbox of a function in a place, and after a failed init the one that follows it there.

    `log` is the text log of the place so far, with the memory used replaced by N.
    """

    def __init__(self, function: Function, clock: VirtualClock, place: Place | None = None) -> None:
        self.function = function
        self.clock = clock
        self.idle_count = 0
        self.ended_count = 0
        self._log = bytearray()
        self._calls: set[asyncio.Task[Outcome]] = set()
        self.place = place or lone_place(function, clock)
        self.sandbox = self._new()

    def _new(self) -> Sandbox:
        return Sandbox(
            self.function, Account(), self.clock, self.place, self._on_idle, self._on_ended, Outlets(self._on_log)
        )

    @property
    def log(self) -> bytes:
        return _MEMORY.sub(b"Max Memory Used: N MB", bytes(self._log))

    @property
    def lines(self) -> list[str]:
        """The log so far, line by line."""
        return self.log.decode().splitlines()

    @property
    def pid(self) -> int:
        """The runtime's process."""
        runtime = self.sandbox._programs.runtime
        assert runtime is not None
        return runtime.group.pid

    def _on_idle(self, _sandbox: Sandbox) -> None:
        self.idle_count += 1

    def _on_ended(self, _sandbox: Sandbox) -> None:
        self.ended_count += 1

    def _on_log(self, _name: str, text: bytes) -> None:
        self._log += text

    async def idle(self) -> None:
        """Wait until it can take an invocation."""
        await until(lambda: self.sandbox.state is SandboxState.IDLE)

    async def ended(self) -> None:
        """Wait until it is over and nothing is left of it."""
        await until(lambda: self.sandbox.state is SandboxState.ENDED)
        await self.sandbox.stop()

    async def said(self, *words: bytes) -> None:
        """Wait until the log has all these words."""
        await until(lambda: all(word in self._log for word in words))

    async def said_often(self, word: bytes, count: int) -> None:
        """Wait until the log has a word so many times."""
        await until(lambda: self._log.count(word) == count)

    def calling(
        self, payload: bytes = b"{}", request_id: str = REQUEST_ID, *, tail: bool = False, stream: bool = False
    ) -> asyncio.Task[Outcome]:
        """An invocation under way."""
        call = asyncio.ensure_future(self._run(invocation(request_id, payload, tail=tail, stream=stream)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _run(self, invocation: Invocation) -> Outcome:
        try:
            return await self.sandbox.invoke(invocation)
        except InitFailed:
            return await self.again(invocation)

    async def again(self, invocation: Invocation) -> Outcome:
        """Run it in a new sandbox in the same place, once the old one has left."""
        await self.sandbox.stop()
        self.sandbox = self._new()
        return await self.sandbox.invoke_with_init(invocation)

    async def close(self) -> None:
        """Stop it, and leave nothing of its place; calls that a failed test left under way are given up first."""
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self.sandbox.stop()
        await self.place.close()

    async def invoke(self, payload: bytes = b"{}", request_id: str = REQUEST_ID, *, tail: bool = False) -> Outcome:
        """An invocation and its outcome."""
        return await answered(self.calling(payload, request_id, tail=tail))


async def answered(call: asyncio.Task[Outcome]) -> Outcome:
    """The outcome of an invocation under way."""
    return await asyncio.wait_for(call, PATIENCE_S)


def is_gone(pid: int) -> bool:
    """Whether a process runs no more; a zombie that is not ours is for its new parent to clear."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() == psutil.STATUS_ZOMBIE and process.ppid() != psutil.Process().pid)
    except psutil.NoSuchProcess:
        return True

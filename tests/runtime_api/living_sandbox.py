"""A sandbox with a real process in it, on a clock that stands still, and what it told the world."""

from __future__ import annotations

import asyncio
import re

import psutil

from runtime_api.protocol.function import Function
from runtime_api.protocol.function_name import Account
from runtime_api.protocol.invocation import Outcome
from runtime_api.sandbox.sandbox import Sandbox, SandboxState
from tests.runtime_api.fake_runtime import REQUEST_ID, invocation
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

_MEMORY = re.compile(rb"Max Memory Used: \d+ MB")


class LivingSandbox:
    """Starts the sandbox of a function; `log` is its text log so far, with the memory it used replaced by N."""

    def __init__(self, function: Function, clock: VirtualClock) -> None:
        self.clock = clock
        self.idle_count = 0
        self.ended_count = 0
        self._log = bytearray()
        self.sandbox = Sandbox(function, Account(), clock, self._on_idle, self._on_ended, self._on_log)

    @property
    def log(self) -> bytes:
        return _MEMORY.sub(b"Max Memory Used: N MB", bytes(self._log))

    @property
    def pid(self) -> int:
        """The runtime's process."""
        processes = self.sandbox._processes
        assert processes is not None
        return processes.pid

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

    def calling(
        self, payload: bytes = b"{}", request_id: str = REQUEST_ID, *, tail: bool = False
    ) -> asyncio.Task[Outcome]:
        """An invocation under way."""
        return asyncio.ensure_future(self.sandbox.invoke(invocation(request_id, payload, tail=tail)))

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

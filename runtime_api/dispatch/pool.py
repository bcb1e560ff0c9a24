"""The sandboxes of one function.

Strategy: the most recently used idle sandbox is taken first, so that spare ones stay spare. When none is idle but one has answered
and is about to ask for its next event, it is waited for a moment: a caller that calls again at once meets the sandbox it left.
Otherwise a new one is started, and beyond the function's concurrency the call is refused (429). What a sandbox is given is decided
in one place and without waiting in between, so two callers never meet in one.
Source: the Developer Guide's lambda-concurrency page.
"""

from __future__ import annotations

import asyncio
from collections import deque

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function import Function
from runtime_api.protocol.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke_errors import ServiceFailure, TooManyRequests
from runtime_api.protocol.log_sink import LogSink
from runtime_api.sandbox.sandbox import Sandbox, SandboxState

FINISHING_GRACE_MS = 100
THROTTLED = "ReservedFunctionConcurrentInvocationLimitExceeded"


class Pool:
    """Runs the invocations of one function, each in a sandbox of its own."""

    def __init__(self, function: Function, account: Account, clock: Clock, log: LogSink | None = None) -> None:
        self.function = function
        self._account = account
        self._clock = clock
        self._log = log
        self._live: set[Sandbox] = set()
        self._idle: list[Sandbox] = []
        self._waiters: deque[asyncio.Future[Sandbox | None]] = deque()
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it; raises TooManyRequests, ServiceFailure once closed, InterpreterUnusable when no sandbox can be made at all."""
        sandbox = self._take_idle() or await self._wait_for_finishing() or await self._start()
        return await sandbox.invoke(invocation)

    async def close(self) -> None:
        """Stop every sandbox, and wait until nothing of them is left; no other is started."""
        self._closed = True
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self._live)))
        await asyncio.gather(*self._leaving)

    def _take_idle(self) -> Sandbox | None:
        while self._idle:
            sandbox = self._idle.pop()
            if sandbox.alive:
                return sandbox
        return None

    async def _wait_for_finishing(self) -> Sandbox | None:
        if self._finishing() <= len(self._waiters):
            return None
        waiter: asyncio.Future[Sandbox | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        timer = self._clock.call_later(FINISHING_GRACE_MS, lambda: self._give_up(waiter))
        try:
            sandbox = await waiter
        except asyncio.CancelledError:
            self._hand_back(waiter)
            raise
        finally:
            timer.cancel()
        # It may have ended between being promised and being taken.
        return sandbox if sandbox is not None and sandbox.state is SandboxState.IDLE else self._take_idle()

    def _finishing(self) -> int:
        return sum(sandbox.finishing for sandbox in self._live)

    def _give_up(self, waiter: asyncio.Future[Sandbox | None]) -> None:
        if not waiter.done():
            self._waiters.remove(waiter)
            waiter.set_result(None)

    def _hand_back(self, waiter: asyncio.Future[Sandbox | None]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        promised = None if waiter.cancelled() or not waiter.done() else waiter.result()
        if promised is not None and promised.state is SandboxState.IDLE:
            self._on_idle(promised)

    async def _start(self) -> Sandbox:
        if self._closed:
            raise ServiceFailure("the platform is shutting down")
        if len(self._live) >= self.function.concurrency:
            raise TooManyRequests(THROTTLED)
        sandbox = Sandbox(self.function, self._account, self._clock, self._on_idle, self._on_ended, self._log)
        self._live.add(sandbox)
        # Awaited directly, so that nothing happens between its end and the invocation it was started for.
        await sandbox.start()
        return sandbox

    def _on_idle(self, sandbox: Sandbox) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(sandbox)
                return
        self._idle.append(sandbox)

    def _on_ended(self, sandbox: Sandbox) -> None:
        self._live.discard(sandbox)
        if sandbox in self._idle:
            self._idle.remove(sandbox)
        if self._finishing() < len(self._waiters):
            self._give_up(self._waiters[-1])
        leaving = asyncio.ensure_future(sandbox.stop())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

"""The sandboxes of one function.

Strategy: the most recently used idle sandbox is taken first, so that spare ones stay spare. When none is idle but one has answered
and is about to ask for its next event, it is waited for a moment: a caller that calls again at once meets the sandbox it left.
Otherwise a new one is started, and beyond the function's concurrency the call is refused (429). What a sandbox is given is decided
in one place and without waiting in between, so two callers never meet in one.

A sandbox that failed leaves its place behind, and the next one is started there, with its init as a part of the invocation. An
invocation whose sandbox failed to initialise keeps its place in the count, and is run again in the same place. A caller that goes
away before its sandbox is warm does not disturb any of this: such invocations run in tasks of the pool's own.
Source: the Developer Guide's pages lambda-concurrency and lambda-runtime-environment.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function import Function
from runtime_api.protocol.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke_errors import ServiceFailure, TooManyRequests
from runtime_api.sandbox.in_hand import InitFailed
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.outlets import Outlets
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.sandbox import Sandbox, SandboxState

FINISHING_GRACE_MS = 100
THROTTLED = "ReservedFunctionConcurrentInvocationLimitExceeded"
CLOSED = "the platform is shutting down"


class Pool:
    """Runs the invocations of one function, each in a sandbox of its own.

    `has_room` says whether one more sandbox may be started; by itself a pool has room for the function's concurrency.
    """

    def __init__(
        self,
        function: Function,
        account: Account,
        clock: Clock,
        places: Places,
        outlets: Outlets | None = None,
        has_room: Callable[[], bool] | None = None,
    ) -> None:
        self.function = function
        self._has_room = has_room or self._is_below_concurrency
        self._account = account
        self._clock = clock
        self._places = places
        self._outlets = outlets or Outlets()
        self._live: set[Sandbox] = set()
        self._idle: list[Sandbox] = []
        self._waiters: deque[asyncio.Future[Sandbox | None]] = deque()
        self._cold: set[asyncio.Task[Outcome]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._vacant: list[Place] = []
        self._starting = 0
        self._closed = False

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it; raises TooManyRequests, ServiceFailure once closed, and when no sandbox can be made what `Places.make` raises."""
        sandbox = self._take_idle() or await self._wait_for_finishing()
        if sandbox is not None:
            return await sandbox.invoke(invocation)
        self._admit()
        cold = asyncio.ensure_future(self._invoke_cold(invocation))
        self._cold.add(cold)
        cold.add_done_callback(self._cold.discard)
        return await asyncio.shield(cold)

    async def close(self) -> None:
        """Stop every sandbox, and wait until nothing of them is left; no other is started."""
        self._closed = True
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self._live)))
        await asyncio.gather(*self._cold, return_exceptions=True)
        await asyncio.gather(*self._leaving)
        vacant, self._vacant = self._vacant, []
        await asyncio.gather(*(place.close() for place in vacant))

    @property
    def size(self) -> int:
        """How many sandboxes there are, or are about to be."""
        return len(self._live) + self._starting

    def end_idle(self) -> bool:
        """End the sandbox that has been idle longest; False when none is."""
        if not self._idle:
            return False
        self._idle[0].dismiss()
        return True

    def _is_below_concurrency(self) -> bool:
        return self.size < self.function.concurrency

    def _take_idle(self) -> Sandbox | None:
        while self._idle:
            sandbox = self._idle.pop()
            if sandbox.can_invoke():
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

    def _admit(self) -> None:
        """Take a place in the count for a sandbox that is about to be made."""
        self._check_open()
        if not self._has_room():
            raise TooManyRequests(THROTTLED)
        self._starting += 1

    async def _invoke_cold(self, invocation: Invocation) -> Outcome:
        """Run it in a sandbox of its own: with its init, where another one failed before, and else after it."""
        try:
            vacant = await self._find_vacant()
            place = vacant or await self._new_place()
            # No step in between: its sandbox counts from here on.
            sandbox = self._make(place)
        finally:
            self._starting -= 1
        if vacant is not None:
            return await sandbox.invoke_with_init(invocation)
        try:
            await sandbox.start()
            return await sandbox.invoke(invocation)
        except InitFailed:
            return await self._invoke_again(sandbox, invocation)

    async def _find_vacant(self) -> Place | None:
        """The place of a sandbox that failed, once that has left it. Nobody waits for a place that is somebody else's."""
        while not self._vacant and self._starting <= len(self._leaving):
            await asyncio.wait(self._leaving, return_when=asyncio.FIRST_COMPLETED)
        return self._vacant.pop() if self._vacant and not self._closed else None

    async def _new_place(self) -> Place:
        self._check_open()
        place = await self._places.make(self.function)
        try:
            self._check_open()
        except ServiceFailure:
            await place.close()
            raise
        return place

    def _check_open(self) -> None:
        if self._closed:
            raise ServiceFailure(CLOSED)

    async def _invoke_again(self, failed: Sandbox, invocation: Invocation) -> Outcome:
        await failed.stop()
        self._live.discard(failed)
        if self._closed:
            await failed.place.close()
            raise ServiceFailure(CLOSED)
        return await self._make(failed.place).invoke_with_init(invocation)

    def _make(self, place: Place) -> Sandbox:
        sandbox = Sandbox(
            self.function, self._account, self._clock, place, self._on_idle, self._on_ended, self._outlets
        )
        self._live.add(sandbox)
        return sandbox

    def _on_idle(self, sandbox: Sandbox) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(sandbox)
                return
        self._idle.append(sandbox)

    def _on_ended(self, sandbox: Sandbox) -> None:
        if sandbox in self._idle:
            self._idle.remove(sandbox)
        if sandbox.failed_init:
            # It counts until its invocation runs again in its place.
            return
        self._live.discard(sandbox)
        if self._finishing() < len(self._waiters):
            self._give_up(self._waiters[-1])
        leaving = asyncio.ensure_future(self._vacate(sandbox))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _vacate(self, sandbox: Sandbox) -> None:
        await sandbox.stop()
        if sandbox.failed and not self._closed:
            self._vacant.append(sandbox.place)
        else:
            await sandbox.place.close()

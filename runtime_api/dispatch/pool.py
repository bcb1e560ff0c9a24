"""The sandboxes of one version of a function.

Strategy: a provisioned sandbox that is ready is taken first, then the most recently used idle one, so that spare ones stay spare. When
none is idle but one has answered and is about to ask for its next event, it is waited for a moment: a caller that calls again at once
meets the sandbox it left. Otherwise a new one is started. Whatever is not provisioned holds a place in the function's quota while it
works, and where none is left the call is refused (429). What a sandbox is given is decided in one place and without waiting in
between, so two callers never meet in one.

A sandbox that failed leaves its place behind, and the next one is started there, with its init as a part of the invocation. An
invocation whose sandbox failed to initialise keeps its place in the quota, and is run again in the same place. A caller that goes
away before its sandbox is warm does not disturb any of this: such invocations run in tasks of the pool's own.
Source: the Developer Guide's pages lambda-concurrency and lambda-runtime-environment.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from runtime_api.dispatch.capacity import Capacity
from runtime_api.dispatch.provisioned import Ending, Provisioned
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke.errors import ServiceFailure
from runtime_api.sandbox.in_hand import InitFailed
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.sandbox import Sandbox, SandboxState
from runtime_api.sandbox.telling.outlets import Outlets

FINISHING_GRACE_MS = 100
CLOSED = "the platform is shutting down"

_Result = TypeVar("_Result")
_logger = logging.getLogger("pilotlight")


class Pool:
    """Runs the invocations of one version of a function, each in a sandbox of its own; `capacity` is that of the function's quota."""

    def __init__(
        self,
        function: Function,
        account: Account,
        clock: Clock,
        places: Places,
        capacity: Capacity,
        outlets: Outlets | None = None,
    ) -> None:
        self.function = function
        self._account = account
        self._clock = clock
        self._places = places
        self._capacity = capacity
        self._outlets = outlets or Outlets()
        self._provisioned = Provisioned(function)
        self._live: set[Sandbox] = set()
        # Those that have a place in the quota.
        self._counted: set[Sandbox] = set()
        self._idle: list[Sandbox] = []
        self._waiters: deque[asyncio.Future[Sandbox | None]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._vacant: list[Place] = []
        self._starting = 0
        self._closed = False

    async def warm(self) -> None:
        """Have the provisioned sandboxes ready. Those that cannot be are given up, and the log says so."""
        starts = [self._run(self._provision(None)) for _ in range(self._provisioned.count)]
        await asyncio.gather(*(asyncio.shield(start) for start in starts))

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it; raises TooManyRequests, ServiceFailure once closed, and when no sandbox can be made what `Places.make` raises."""
        if self._capacity.quota.rate is not None:
            self._capacity.check_rate()
        sandbox = self._take_idle() or await self._wait_for_finishing()
        if sandbox is not None:
            return await sandbox.invoke(invocation)
        self._admit()
        return await asyncio.shield(self._run(self._invoke_cold(invocation)))

    async def close(self) -> None:
        """Stop every sandbox, and wait until nothing of them is left; no other is started."""
        self._closed = True
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self._live)))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._leaving)
        vacant, self._vacant = self._vacant, []
        await asyncio.gather(*(place.close() for place in vacant))

    @property
    def size(self) -> int:
        """How many sandboxes there are, or are about to be."""
        return len(self._live) + self._starting

    def states(self) -> Counter[str]:
        """How many sandboxes are in each state."""
        return Counter(sandbox.state.value for sandbox in self._live)

    def _take_idle(self) -> Sandbox | None:
        ready = self._provisioned.take() if self._provisioned.count else None
        if ready is not None:
            return ready
        while self._idle and self._capacity.quota.has_room:
            sandbox = self._idle.pop()
            self._capacity.wake(sandbox)
            if sandbox.can_invoke():
                self._capacity.quota.take()
                self._counted.add(sandbox)
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
        """Take a place in the quota for a sandbox that is about to be made."""
        self._check_open()
        self._capacity.begin_start(self.function.name)
        self._starting += 1

    async def _invoke_cold(self, invocation: Invocation) -> Outcome:
        """Run it in a sandbox of its own: with its init, where another one failed before, and else after it."""
        try:
            vacant = await self._find_vacant()
            place = vacant or await self._new_place(self.function)
            # No step in between: its sandbox counts from here on.
            sandbox = self._make(place, self.function)
        except BaseException:
            self._capacity.quota.give_back()
            raise
        finally:
            self._starting -= 1
        self._counted.add(sandbox)
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

    async def _new_place(self, function: Function) -> Place:
        self._check_open()
        place = await self._places.make(function)
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
            self._release(failed)
            await failed.place.close()
            raise ServiceFailure(CLOSED)
        sandbox = self._make(failed.place, self.function)
        self._counted.remove(failed)
        self._counted.add(sandbox)
        return await sandbox.invoke_with_init(invocation)

    async def _provision(self, place: Place | None) -> None:
        """Have one more provisioned sandbox, in this place or a new one."""
        try:
            if not await self._warm_up(place or await self._new_place(self._provisioned.function)):
                self._provision_less("its init failed")
        except Exception as error:
            self._provision_less(str(error))

    def _provision_less(self, reason: str) -> None:
        """What is not provisioned is for calls on demand to use."""
        if not self._closed:
            self._capacity.quota.limit += 1
            name = f"{self.function.name}:{self.function.version}"
            _logger.warning("%s has one provisioned sandbox less, its calls are served on demand: %s", name, reason)

    async def _warm_up(self, place: Place) -> bool:
        if self._closed:
            await place.close()
            return False
        sandbox = self._make(place, self._provisioned.function)
        warmed = self._provisioned.add(sandbox)
        await sandbox.start()
        return await warmed

    def _make(self, place: Place, function: Function) -> Sandbox:
        sandbox = Sandbox(function, self._account, self._clock, place, self._on_idle, self._on_ended, self._outlets)
        self._live.add(sandbox)
        return sandbox

    def _on_idle(self, sandbox: Sandbox) -> None:
        is_promised = bool(self._waiters) and self._promise(sandbox)
        if sandbox not in self._counted:
            self._provisioned.rest(sandbox, is_promised=is_promised)
        elif not is_promised:
            self._release(sandbox)
            self._idle.append(sandbox)
            self._capacity.rest(sandbox)

    def _promise(self, sandbox: Sandbox) -> bool:
        """Give it to who waits for one, along with its place in the quota."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(sandbox)
                return True
        return False

    def _release(self, sandbox: Sandbox) -> None:
        if sandbox in self._counted:
            self._counted.remove(sandbox)
            self._capacity.quota.give_back()

    def _on_ended(self, sandbox: Sandbox) -> None:
        if self._provisioned.has(sandbox):
            self._live.discard(sandbox)
            self._run(self._replace(sandbox, self._provisioned.end(sandbox)))
        elif not sandbox.failed_init:
            self._forget(sandbox)
            leaving = asyncio.ensure_future(self._vacate(sandbox))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        # Else it counts until its invocation runs again in its place.
        if self._finishing() < len(self._waiters):
            self._give_up(self._waiters[-1])

    def _forget(self, sandbox: Sandbox) -> None:
        if sandbox in self._idle:
            self._idle.remove(sandbox)
        self._capacity.wake(sandbox)
        self._live.discard(sandbox)
        self._release(sandbox)

    async def _replace(self, sandbox: Sandbox, ending: Ending) -> None:
        await sandbox.stop()
        if ending is Ending.USED and not self._closed:
            await self._provision(sandbox.place)
            return
        await sandbox.place.close()
        if ending is Ending.UNUSED:
            self._provision_less("it ended before it was used")

    async def _vacate(self, sandbox: Sandbox) -> None:
        await sandbox.stop()
        if sandbox.failed and not self._closed:
            self._vacant.append(sandbox.place)
        else:
            await sandbox.place.close()

    def _run(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

"""The sandboxes of a function that takes several invocations at once in each.

Strategy: the sandbox that was started first takes as many as it may, so that spare ones stay spare. One whose workers do not ask for
more in time is passed over; where none is left, one more is started. Each has a place in the function's quota as long as it lives,
and where none is left the call is refused (429). While a sandbox is made, calls wait for it; while it initialises, in it. A caller
that goes away does not disturb a start: that is a task of the pool's own.
Source: the Developer Guide's lambda-managed-instances pages.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from runtime_api.dispatch.capacity import Capacity
from runtime_api.dispatch.pool import CLOSED
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke.errors import ServiceFailure
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.life import SandboxState
from runtime_api.sandbox.managed_sandbox import ManagedSandbox, NobodyPolls
from runtime_api.sandbox.telling.outlets import Outlets

_Result = TypeVar("_Result")


class _Start:
    """A sandbox that is about to be made, and how many more than its first caller may wait for it."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.over = asyncio.Event()


class ManagedPool:
    """Runs the invocations of one function, up to its max concurrency in each sandbox."""

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
        self._live: list[ManagedSandbox] = []
        self._starts: list[_Start] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def warm(self) -> None:
        """The first sandbox starts with the first call."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it; raises TooManyRequests, ServiceFailure once closed.

        Where no sandbox can be made, raises what `Places.make` raises, or InterpreterUnusable.
        """
        self._capacity.check_rate()
        passed_over: set[ManagedSandbox] = set()
        while True:
            sandbox = self._find(passed_over)
            if sandbox is not None:
                try:
                    return await sandbox.take(invocation)
                except NobodyPolls:
                    passed_over.add(sandbox)
            elif not await self._wait_for_start():
                return await self._invoke_cold(invocation)

    async def close(self) -> None:
        """Stop every sandbox, and wait until nothing of them is left; no other is started."""
        self._closed = True
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self._live)))
        while self._tasks:
            await asyncio.wait(self._tasks)

    def states(self) -> Counter[str]:
        """How many sandboxes are in each state; one that could take more is busy, too."""
        return Counter(
            (SandboxState.BUSY if sandbox.load and sandbox.state is SandboxState.IDLE else sandbox.state).value
            for sandbox in self._live
        )

    def _find(self, passed_over: set[ManagedSandbox]) -> ManagedSandbox | None:
        candidates = (one for one in list(self._live) if one not in passed_over)
        return next((one for one in candidates if one.can_invoke()), None)

    async def _wait_for_start(self) -> bool:
        """Wait until a sandbox that is being made is there, or is not to be; False where none has a seat left."""
        start = next((start for start in self._starts if start.seats), None)
        if start is None:
            return False
        start.seats -= 1
        await start.over.wait()
        return True

    async def _invoke_cold(self, invocation: Invocation) -> Outcome:
        start = self._admit()
        answered = await asyncio.shield(self._run(self._start_with(invocation, start)))
        try:
            return await answered
        except NobodyPolls:
            raise self._capacity.quota.refusal() from None

    def _admit(self) -> _Start:
        """Take a place in the count for a sandbox that is about to be made."""
        if self._closed:
            raise ServiceFailure(CLOSED)
        self._capacity.begin_start(self.function.name)
        start = _Start((self.function.max_concurrency or 1) - 1)
        self._starts.append(start)
        return start

    async def _start_with(self, invocation: Invocation, start: _Start) -> asyncio.Future[Outcome]:
        try:
            sandbox = await self._make()
            # Before anybody else: it is for this one that it is started.
            answered = sandbox.take(invocation)
        except BaseException:
            self._capacity.quota.give_back()
            raise
        finally:
            self._starts.remove(start)
            start.over.set()
        await sandbox.start()
        return answered

    async def _make(self) -> ManagedSandbox:
        place = await self._places.make(self.function)
        if self._closed:
            await place.close()
            raise ServiceFailure(CLOSED)
        sandbox = ManagedSandbox(self.function, self._account, self._clock, place, self._on_ended, self._outlets)
        self._live.append(sandbox)
        return sandbox

    def _on_ended(self, sandbox: ManagedSandbox) -> None:
        self._live.remove(sandbox)
        self._capacity.quota.give_back()
        self._run(self._vacate(sandbox))

    async def _vacate(self, sandbox: ManagedSandbox) -> None:
        await sandbox.stop()
        await sandbox.place.close()

    def _run(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # Whoever waited has its error; a caller that went away has no use for it.
        if not task.cancelled():
            task.exception()

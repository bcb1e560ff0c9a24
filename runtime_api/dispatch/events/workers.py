"""Takes what is due out of a store and has it done, a bounded number at a time.

Strategy: one loop looks which functions have something due and room for it, shares the free slots out among them, those served longest
ago first, and takes no more out of the store than it starts. So memory holds what runs and no more, and a function with a million events
gets a slot less as soon as another one has its first. The loop looks again when something is added, when something ends, when the next
is due, and every second besides: another process may have put something back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from runtime_api.dispatch.events.lane import Lane
from runtime_api.dispatch.events.shares import share_out
from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.protocol.clock import Clock
from runtime_api.sandbox.clock import wait_at_most

LOOK_AGAIN_MS = 1_000
COMPLAIN_AGAIN_MS = 60_000
_logger = logging.getLogger("pilotlight")
_Item = TypeVar("_Item")
DueTimes = Callable[[Mapping[str, int]], Awaitable[dict[str, float]]]
Take = Callable[[str, float, int], Awaitable[Sequence[_Item]]]


class Workers(Generic[_Item]):
    """Does the work of several lanes, at most `slots` items at once.

    `due_times` and `take` are the store's. `work` is called with each item taken, and says whether it was refused: then its lane rests.
    """

    def __init__(
        self,
        due_times: DueTimes,
        take: Take[_Item],
        work: Callable[[_Item], Awaitable[bool]],
        lanes: Iterable[Lane],
        clock: Clock,
        slots: int,
    ) -> None:
        self._due_times = due_times
        self._take = take
        self._work = work
        self._lanes = {lane.function: lane for lane in lanes}
        self._clock = clock
        self._slots = slots
        self._rounds = 0
        self._quiet_until_ms = 0.0
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take work."""
        self._loop = asyncio.ensure_future(self._run())

    def look(self) -> None:
        """Something may be due now."""
        self._wake.set()

    async def close(self, patience_ms: float) -> None:
        """Take no more, wait so long for what runs, and cancel what is left then."""
        end_ms = self._clock.monotonic_ms() + patience_ms
        self._is_closed = True
        self._wake.set()
        if self._loop is not None:
            # What it has just taken is running: it has to be started, too.
            await wait_at_most(self._clock, patience_ms, [self._loop])
            self._loop.cancel()
            await asyncio.wait([self._loop])
        await wait_at_most(self._clock, end_ms - self._clock.monotonic_ms(), self._tasks)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _run(self) -> None:
        while not self._is_closed:
            self._wake.clear()
            try:
                next_ms = await self._start_due()
            except Exception as error:
                self._complain(error)
                next_ms = self._clock.time_ms() + LOOK_AGAIN_MS
            await self._sleep_until(next_ms)

    def _complain(self, error: Exception) -> None:
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._quiet_until_ms:
            self._quiet_until_ms = now_ms + COMPLAIN_AGAIN_MS
            _logger.error("events wait: %s", error, exc_info=not isinstance(error, StoreFailed))

    async def _sleep_until(self, next_ms: float) -> None:
        delay_ms = next_ms - self._clock.time_ms()
        if delay_ms <= 0:
            return
        timer = self._clock.call_later(min(delay_ms, LOOK_AGAIN_MS), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _start_due(self) -> float:
        """Start what is due and has room; gives the time when there may be more."""
        now_ms = self._clock.time_ms()
        room = {lane.function: lane.room(now_ms) for lane in self._lanes.values()}
        free = self._slots - sum(lane.running for lane in self._lanes.values())
        due = await self._due_times({name: slots for name, slots in room.items() if slots}) if free else {}
        hungry = sorted((name for name in due if due[name] <= now_ms), key=lambda name: self._lanes[name].served)
        for name, share in share_out({name: room[name] for name in hungry}, free).items():
            if self._is_closed:
                break
            await self._start_some(self._lanes[name], now_ms, share)
        return min(
            (due_ms for due_ms in (*due.values(), *self._ends_of_rests(now_ms)) if due_ms > now_ms),
            default=now_ms + LOOK_AGAIN_MS,
        )

    def _ends_of_rests(self, now_ms: float) -> list[float]:
        return [lane.resting_until_ms for lane in self._lanes.values() if lane.resting_until_ms > now_ms]

    async def _start_some(self, lane: Lane, now_ms: float, share: int) -> None:
        items = await self._take(lane.function, now_ms, share)
        self._rounds += 1
        lane.served = self._rounds
        for item in items:
            lane.start()
            task = asyncio.ensure_future(self._do(lane, item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if items:
            # There may be more where this came from.
            self._wake.set()

    async def _do(self, lane: Lane, item: _Item) -> None:
        was_refused = True
        try:
            was_refused = await self._work(item)
        except Exception:
            _logger.exception("the platform failed in the work for function %s", lane.function)
        finally:
            lane.end(was_refused=was_refused, now_ms=self._clock.time_ms())
            self._wake.set()

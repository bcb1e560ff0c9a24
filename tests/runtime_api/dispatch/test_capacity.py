"""Which idle sandbox ends when: on a clock that stands still, without any process."""

from __future__ import annotations

import pytest

from runtime_api.dispatch.capacity import Capacity
from runtime_api.protocol.concurrency import SCALING_BURST, SCALING_PER_S, Quota
from runtime_api.protocol.invoke.errors import TooManyRequests
from tests.runtime_api.virtual_clock import VirtualClock


class Sleeper:
    """An idle sandbox by its number; it tells whom it concerns that it ended, as a real one does."""

    def __init__(self, number: int, capacity: Capacity, ended: list[int]) -> None:
        self._number = number
        self._capacity = capacity
        self._ended = ended

    def dismiss(self) -> None:
        """End."""
        self._ended.append(self._number)
        self._capacity.wake(self)


class Bed:
    """A capacity, and the sandboxes that rest there."""

    def __init__(self, limit: int, clock: VirtualClock, idle_timeout_ms: float | None = None) -> None:
        self.capacity = Capacity(Quota(limit, "full"), clock, idle_timeout_ms)
        self.ended: list[int] = []
        self._sleepers: dict[int, Sleeper] = {}

    def rest(self, number: int) -> None:
        """A sandbox is idle."""
        sleeper = self._sleepers.setdefault(number, Sleeper(number, self.capacity, self.ended))
        self.capacity.rest(sleeper)

    def wake(self, number: int) -> None:
        """A sandbox takes an invocation."""
        self.capacity.wake(self._sleepers[number])


def test_the_longest_idle_makes_room(clock: VirtualClock) -> None:
    """There are never more sandboxes than the quota has places, idle ones included; who was used since stays longer."""
    bed = Bed(3, clock)
    for number in (1, 2, 3):
        bed.rest(number)
    bed.wake(1)
    bed.rest(1)
    bed.capacity.begin_start("f")
    assert bed.ended == [2]
    bed.capacity.begin_start("g")
    assert bed.ended == [2, 3]


def test_nobody_ends_without_need(clock: VirtualClock) -> None:
    """Where there is room, the idle stay."""
    bed = Bed(3, clock)
    bed.rest(1)
    bed.rest(2)
    bed.capacity.begin_start("f")
    assert bed.ended == []


def test_a_full_quota_ends_nobody(clock: VirtualClock) -> None:
    """The call is refused, and the count is as it was."""
    bed = Bed(1, clock)
    bed.capacity.quota.take()
    bed.rest(1)
    with pytest.raises(TooManyRequests):
        bed.capacity.begin_start("f")
    assert (bed.ended, bed.capacity.quota.in_flight) == ([], 1)


def test_idle_for_too_long(clock: VirtualClock) -> None:
    """Each ends when its own time is over, and one timer is enough for all."""
    bed = Bed(9, clock, idle_timeout_ms=1_000)
    bed.rest(1)
    clock.advance(400)
    bed.rest(2)
    bed.rest(3)
    assert clock.pending == [600]
    clock.advance(599)
    assert bed.ended == []
    clock.advance(1)
    assert (bed.ended, clock.pending) == ([1], [400])
    clock.advance(400)
    assert (bed.ended, clock.pending) == ([1, 2, 3], [])


def test_who_was_used_since_has_time_again(clock: VirtualClock) -> None:
    """The timer fires, and finds nobody who is late."""
    bed = Bed(9, clock, idle_timeout_ms=1_000)
    bed.rest(1)
    clock.advance(900)
    bed.wake(1)
    bed.rest(1)
    clock.advance(100)
    assert (bed.ended, clock.pending) == ([], [900])
    bed.wake(1)
    clock.advance(5_000)
    assert (bed.ended, clock.pending) == ([], [])


def test_without_a_timeout_the_idle_stay(clock: VirtualClock) -> None:
    """And nothing waits."""
    Bed(9, clock).rest(1)
    assert clock.pending == []


def test_nothing_waits_once_closed(clock: VirtualClock) -> None:
    """Also for who comes to rest then."""
    bed = Bed(9, clock, idle_timeout_ms=1_000)
    bed.rest(1)
    bed.capacity.close()
    bed.rest(2)
    assert clock.pending == []


def test_sandboxes_are_added_so_fast(clock: VirtualClock) -> None:
    """A function has its burst, then what ten seconds bring, and another one has its own; a refusal holds no place."""
    bed = Bed(10_000, clock)
    for _ in range(SCALING_BURST):
        bed.capacity.begin_start("f")
    with pytest.raises(TooManyRequests):
        bed.capacity.begin_start("f")
    assert bed.capacity.quota.in_flight == SCALING_BURST
    bed.capacity.begin_start("g")
    clock.advance(1_000)
    for _ in range(SCALING_PER_S):
        bed.capacity.begin_start("f")
    with pytest.raises(TooManyRequests):
        bed.capacity.begin_start("f")

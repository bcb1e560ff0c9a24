from __future__ import annotations

import pytest

from runtime_api.sandbox.isolation.memory_watch import MemoryWatch, pause_ms
from tests.runtime_api.virtual_clock import VirtualClock

MIB = 1 << 20


class Watched:
    """Something that uses memory, and how often that was looked at and too much."""

    def __init__(self, clock: VirtualClock, limit_mb: int) -> None:
        self.used_mb = 0
        self.looks = 0
        self.overruns = 0
        self.watch = MemoryWatch(clock, self._used_bytes, limit_mb * MIB, self._overrun)

    def _used_bytes(self) -> int:
        self.looks += 1
        return self.used_mb * MIB

    def _overrun(self) -> None:
        self.overruns += 1


@pytest.mark.parametrize(
    ("room_mb", "pause"), [(0, 10.0), (10, 10.0), (88, 88.0), (200, 200.0), (10_000, 200.0), (-1, 10.0)]
)
def test_the_less_room_the_sooner_the_next_look(room_mb: int, pause: float) -> None:
    """As long as it takes to fill it, but never under ten milliseconds nor over two hundred."""
    assert pause_ms(room_mb * MIB) == pause


def test_an_overrun_is_told_once(clock: VirtualClock) -> None:
    """Whoever is told starts the watch again."""
    watched = Watched(clock, 128)
    watched.watch.start()
    clock.advance(1000)
    assert watched.overruns == 0
    watched.used_mb = 129
    clock.advance(1000)
    assert watched.overruns == 1
    watched.watch.start()
    clock.advance(10)
    assert watched.overruns == 2


def test_the_limit_itself_may_be_used(clock: VirtualClock) -> None:
    """Only more than it is too much."""
    watched = Watched(clock, 128)
    watched.used_mb = 128
    watched.watch.start()
    clock.advance(1000)
    assert (watched.overruns, watched.looks) == (0, 100)


def test_a_watch_that_is_stopped_looks_no_more(clock: VirtualClock) -> None:
    """Nor does starting it twice make it look twice."""
    watched = Watched(clock, 128)
    watched.watch.start()
    watched.watch.start()
    clock.advance(10)
    assert watched.looks == 1
    watched.watch.stop()
    watched.watch.stop()
    clock.advance(1000)
    assert (watched.looks, clock.pending) == (1, [])

"""Holding a memory limit by looking, where the kernel does not: often when there is little room left, seldom when there is much."""

from __future__ import annotations

from collections.abc import Callable

from runtime_api.protocol.clock import Clock, Timer

# A program fills memory with about a gigabyte a second at most: a megabyte each millisecond.
BYTES_EACH_MS = 1024 * 1024
SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS = 10.0, 200.0


def pause_ms(room_bytes: int) -> float:
    """How long it takes at least to use up `room_bytes`, within reason."""
    return min(max(room_bytes / BYTES_EACH_MS, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS)


class MemoryWatch:
    """Looks at `used_bytes()` while it runs, and calls `on_overrun` when that is more than `limit_bytes`."""

    def __init__(
        self, clock: Clock, used_bytes: Callable[[], int], limit_bytes: int, on_overrun: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._used_bytes = used_bytes
        self._limit_bytes = limit_bytes
        self._on_overrun = on_overrun
        self._timer: Timer | None = None

    def start(self) -> None:
        """Look from now on."""
        if self._timer is None:
            self._timer = self._clock.call_later(SHORTEST_PAUSE_MS, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        room_bytes = self._limit_bytes - self._used_bytes()
        if room_bytes < 0:
            self._timer = None
            self._on_overrun()
        else:
            self._timer = self._clock.call_later(pause_ms(room_bytes), self._look)

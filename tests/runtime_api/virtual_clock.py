"""A clock that stands still until it is told how much time has passed."""

from __future__ import annotations

from collections.abc import Callable

START_MS = 1_700_000_000_000.0


class VirtualTimer:
    """A timer of a `VirtualClock`."""

    def __init__(self, due_ms: float, callback: Callable[[], object]) -> None:
        self.due_ms = due_ms
        self.callback = callback
        self.is_over = False

    def cancel(self) -> None:
        """Call it off."""
        self.is_over = True


class VirtualClock:
    """Implements `protocol.clock.Clock`; timers fire inside `advance`, in the order they are due."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        self._timers: list[VirtualTimer] = []

    def time_ms(self) -> float:
        """Milliseconds since the epoch: `START_MS` and what has passed since."""
        return START_MS + self._now_ms

    def monotonic_ms(self) -> float:
        """Milliseconds that have passed."""
        return self._now_ms

    def call_later(self, delay_ms: float, callback: Callable[[], object]) -> VirtualTimer:
        """Have `callback` called by the `advance` that reaches it."""
        timer = VirtualTimer(self._now_ms + delay_ms, callback)
        self._timers.append(timer)
        return timer

    @property
    def pending(self) -> list[float]:
        """How many milliseconds from now each timer is due."""
        return sorted(timer.due_ms - self._now_ms for timer in self._timers if not timer.is_over)

    def advance(self, ms: float) -> None:
        """Let `ms` milliseconds pass."""
        end_ms = self._now_ms + ms
        while due := [timer for timer in self._timers if not timer.is_over and timer.due_ms <= end_ms]:
            timer = min(due, key=lambda timer: timer.due_ms)
            self._now_ms = max(self._now_ms, timer.due_ms)
            timer.is_over = True
            timer.callback()
        self._timers = [timer for timer in self._timers if not timer.is_over]
        self._now_ms = end_ms

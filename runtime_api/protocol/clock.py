"""The shape of a clock. Everything that waits is given one, so tests and users decide how fast time passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something scheduled that can be called off."""

    def cancel(self) -> object:
        """Call it off; harmless when it has fired."""


class Clock(Protocol):
    """Wall time for what is printed, monotonic time for what is measured, timers for what is awaited."""

    def time_ms(self) -> float:
        """Milliseconds since the Unix epoch."""

    def monotonic_ms(self) -> float:
        """Milliseconds on a clock that never goes back."""

    def call_later(self, delay_ms: float, callback: Callable[[], object]) -> Timer:
        """Have `callback` called once, `delay_ms` from now."""

"""The real clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """Time as it passes; timers fire on the running event loop."""

    def time_ms(self) -> float:
        """Milliseconds since the Unix epoch."""
        return time.time() * 1000

    def monotonic_ms(self) -> float:
        """Milliseconds since some moment in the past."""
        return time.monotonic() * 1000

    def call_later(self, delay_ms: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Have `callback` called once, `delay_ms` from now."""
        return asyncio.get_running_loop().call_later(delay_ms / 1000, callback)

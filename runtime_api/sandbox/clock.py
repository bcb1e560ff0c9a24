"""The real clock, and waiting by whichever clock there is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from runtime_api.protocol.clock import Clock


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


async def wait_at_most(clock: Clock, limit_ms: float, futures: Iterable[asyncio.Future[Any]]) -> None:
    """Return when all `futures` are done, or `limit_ms` have passed; they are not cancelled."""
    waiting = [future for future in futures if not future.done()]
    if not waiting or limit_ms <= 0:
        return
    over = asyncio.Event()
    timer = clock.call_later(limit_ms, over.set)
    for future in waiting:
        future.add_done_callback(lambda _: over.set() if all(map(asyncio.Future.done, waiting)) else None)
    try:
        await over.wait()
    finally:
        timer.cancel()

from __future__ import annotations

import asyncio
import time

from runtime_api.protocol.clock import Clock
from runtime_api.sandbox.clock import SystemClock


async def test_the_real_clock_fires_on_the_loop() -> None:
    """A timer of the real clock runs on the event loop."""
    clock: Clock = SystemClock()
    fired = asyncio.Event()
    clock.call_later(0, fired.set)
    await asyncio.wait_for(fired.wait(), 10)


def test_the_real_clock_has_milliseconds() -> None:
    """Both readings are in milliseconds."""
    clock = SystemClock()
    assert time.time() * 1000 <= clock.time_ms() <= time.time() * 1000 + 60_000
    assert time.monotonic() * 1000 <= clock.monotonic_ms() <= time.monotonic() * 1000 + 60_000

from __future__ import annotations

import asyncio
import time

from runtime_api.protocol.clock import Clock
from runtime_api.sandbox.clock import SystemClock, wait_at_most
from tests.runtime_api.virtual_clock import VirtualClock


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


async def test_waiting_ends_with_the_last_of_all(clock: VirtualClock) -> None:
    """Whoever is done already is not waited for; the timer is called off."""
    done, first, last = (asyncio.get_running_loop().create_future() for _ in range(3))
    done.set_result(None)
    waiting = asyncio.ensure_future(wait_at_most(clock, 100, [done, first, last]))
    first.set_result(None)
    await asyncio.sleep(0)
    assert not waiting.done()
    last.set_result(None)
    await waiting
    assert clock.pending == []


async def test_waiting_ends_with_the_time(clock: VirtualClock) -> None:
    """What is not done then is left as it is."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(wait_at_most(clock, 100, [never]))
    await asyncio.sleep(0)
    clock.advance(100)
    await waiting
    assert not never.done()


async def test_waiting_for_no_time_or_nobody_is_no_wait(clock: VirtualClock) -> None:
    """Not even a turn of the loop."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await wait_at_most(clock, 0, [never])
    await wait_at_most(clock, 100, [])
    assert clock.pending == []


async def test_a_wait_that_is_cancelled_leaves_no_timer(clock: VirtualClock) -> None:
    """Whoever gives up waiting is not called back."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(wait_at_most(clock, 100, [never]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert clock.pending == []

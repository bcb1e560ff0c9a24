from __future__ import annotations

import os
from collections.abc import AsyncIterator

import psutil
import pytest

from runtime_api.dispatch.capacity import Capacity
from runtime_api.protocol.function.function import Function
from tests.runtime_api.dispatch.living_pool import LivingPool, Open, close_soon
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until


@pytest.fixture
async def open_pool(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Open]:
    """Make pools that are closed after the test; no process and no descriptor outlives them."""
    # Servers other tests share may live on.
    children_before = set(psutil.Process().children())
    before = len(os.listdir("/proc/self/fd"))
    pools: list[LivingPool] = []

    def open_pool(function: Function, capacity: Capacity | None = None) -> LivingPool:
        pools.append(LivingPool(function, clock, capacity))
        return pools[-1]

    yield open_pool
    for living in pools:
        await close_soon(living.pool, clock)
    for living in pools:
        assert (living.pool._live, living.pool._idle, list(living.pool._waiters)) == (set(), [], [])
        assert (living.capacity.quota.in_flight, living.capacity._idle, living.pool._counted) == (0, {}, set())
        await living.places.close()
        assert (living.pool._starting, living.pool._leaving, living.pool._vacant) == (0, set(), [])
    assert set(psutil.Process().children()) <= children_before
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before)

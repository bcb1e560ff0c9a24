"""Which multi-concurrent sandbox takes which invocation: real processes, and a clock that stands still."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from runtime_api.dispatch.managed_pool import ManagedPool
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.errors import ServiceFailure, TooManyRequests
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.managed_sandbox import POLL_GRACE_MS
from runtime_api.sandbox.surroundings.runtimes import InterpreterUnusable
from runtime_api.sandbox.telling.outlets import Outlets
from tests.runtime_api.conftest import Script
from tests.runtime_api.dispatch.capacities import capacity_of
from tests.runtime_api.fake_runtime import invocation
from tests.runtime_api.managed_scripts import WORKERS
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until


class LivingPool:
    """A pool, and calls by number."""

    def __init__(self, function: Function, clock: VirtualClock) -> None:
        self.function = function
        self.log = b""
        self.places = Places(clock)
        self.capacity = capacity_of(function, clock)
        self.pool = ManagedPool(function, Account(), clock, self.places, self.capacity, Outlets(self._on_log))
        self._count = 0

    def _on_log(self, _name: str, text: bytes) -> None:
        self.log += text

    def calling(self, order: str = "") -> asyncio.Task[Outcome]:
        """A call under way."""
        self._count += 1
        return asyncio.ensure_future(self.pool.invoke(invocation(f"id-{self._count}", f'"{order}"'.encode())))

    async def call(self, order: str = "") -> Outcome:
        """A call and its outcome."""
        return await asyncio.wait_for(self.calling(order), PATIENCE_S)

    async def pid(self) -> int:
        """The process that answers now."""
        return int(json.loads((await self.call()).body)[0])

    async def at_work(self, order: str, count: int) -> None:
        """Wait until so many workers have got an order."""
        await until(lambda: self.log.count(f"got {order}\n".encode()) == count)

    async def polled(self, count: int) -> None:
        """Wait until so many workers ask for more."""
        await until(lambda: sum(one._managed_endpoint.free for one in self.pool._live) == count)

    def release(self, order: str) -> None:
        """Have the calls that wait for this file go on."""
        Path(self.function.task_root, order).touch()


Open = Callable[[Function], LivingPool]


@pytest.fixture
async def open_pool(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Open]:
    """Make pools that are closed after the test; no process and no descriptor outlives them."""
    children_before = set(psutil.Process().children())
    before = len(os.listdir("/proc/self/fd"))
    pools: list[LivingPool] = []

    def open_pool(function: Function) -> LivingPool:
        pools.append(LivingPool(function, clock))
        return pools[-1]

    yield open_pool
    for living in pools:
        await living.pool.close()
        await living.places.close()
        assert (living.pool._live, living.pool._tasks, living.capacity.quota.in_flight) == ([], set(), 0)
    assert set(psutil.Process().children()) <= children_before
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_one_sandbox_takes_as_many_as_it_may(script: Script, open_pool: Open) -> None:
    """Four at once, also while it initialises, are one process; the fifth starts another."""
    living = open_pool(script(WORKERS, max_concurrency=4))
    calls = [living.calling("go") for _ in range(4)]
    await living.at_work("go", 4)
    assert len(living.pool._live) == 1
    fifth = living.calling("go")
    await living.at_work("go", 5)
    assert len(living.pool._live) == 2
    living.release("go")
    pids = [json.loads((await asyncio.wait_for(call, PATIENCE_S)).body)[0] for call in [*calls, fifth]]
    assert len(set(pids[:4])) == 1
    assert pids[4] != pids[0]


async def test_the_first_started_is_used_first(script: Script, open_pool: Open) -> None:
    """Spare sandboxes stay spare."""
    living = open_pool(script(WORKERS, max_concurrency=1))
    calls = [living.calling("go") for _ in range(2)]
    await living.at_work("go", 2)
    living.release("go")
    first, _ = [json.loads((await asyncio.wait_for(call, PATIENCE_S)).body)[0] for call in calls]
    await living.polled(2)
    for _ in range(3):
        assert await living.pid() == first
        await living.polled(2)


async def test_a_sandbox_whose_workers_are_busy_is_passed_over(
    script: Script, open_pool: Open, clock: VirtualClock
) -> None:
    """A worker that is still at work on what timed out asks for nothing: the call moves on to a new sandbox."""
    living = open_pool(script(WORKERS, max_concurrency=1, timeout_ms=1_000))
    stuck = living.calling("never")
    await living.at_work("never", 1)
    clock.advance(1_000)
    assert b"Sandbox.Timedout" in (await asyncio.wait_for(stuck, PATIENCE_S)).body
    call = living.calling()
    await asyncio.sleep(0)
    clock.advance(POLL_GRACE_MS)
    assert json.loads((await asyncio.wait_for(call, PATIENCE_S)).body)
    assert len(living.pool._live) == 2


async def test_beyond_the_concurrency_calls_are_refused(script: Script, open_pool: Open) -> None:
    """One sandbox of two is two calls at once, and the third is throttled."""
    living = open_pool(script(WORKERS, max_concurrency=2, concurrency=1))
    calls = [living.calling("go") for _ in range(2)]
    await living.at_work("go", 2)
    with pytest.raises(TooManyRequests):
        await living.call()
    living.release("go")
    for call in calls:
        await asyncio.wait_for(call, PATIENCE_S)


async def test_an_exit_makes_room(script: Script, open_pool: Open) -> None:
    """All it had end with it, and the next call meets a new process."""
    living = open_pool(script(WORKERS, max_concurrency=2, concurrency=1))
    other = living.calling("other")
    await living.at_work("other", 1)
    assert (await living.call("exit")).error_type == "Runtime.ExitError"
    assert (await asyncio.wait_for(other, PATIENCE_S)).error_type == "Runtime.ExitError"
    assert await living.pid()


async def test_a_crowd(script: Script, open_pool: Open) -> None:
    """Forty callers on two sandboxes of four: eight at a time, each with its own answer or a throttle."""
    living = open_pool(script(WORKERS, max_concurrency=4, concurrency=2))

    async def caller() -> int:
        answered = 0
        for _ in range(5):
            try:
                await living.pid()
                answered += 1
            except TooManyRequests:
                await asyncio.sleep(0.002)
        return answered

    counts = await asyncio.gather(*(caller() for _ in range(40)))
    assert sum(counts) > 0
    assert len(living.pool._live) <= 2


async def test_a_caller_that_leaves_does_not_disturb_the_start(script: Script, open_pool: Open) -> None:
    """The sandbox it started is the next caller's."""
    living = open_pool(script(WORKERS, max_concurrency=2))
    call = living.calling()
    await asyncio.sleep(0)
    call.cancel()
    assert await living.pid()
    assert len(living.pool._live) == 1


async def test_a_sandbox_that_cannot_be_made(tmp_path: Path, open_pool: Open) -> None:
    """The caller is told, and nothing is left of it."""
    living = open_pool(
        Function(name="f", task_root=str(tmp_path), handler="a.b", python="/no/such/python", max_concurrency=2)
    )
    with pytest.raises(InterpreterUnusable):
        await living.call()
    await until(lambda: not living.pool._live)


async def test_nothing_is_started_once_closed(script: Script, open_pool: Open) -> None:
    """A call that comes as the platform goes is told so, and so are those at work."""
    living = open_pool(script(WORKERS, max_concurrency=2))
    call = living.calling("never")
    await living.at_work("never", 1)
    await living.pool.close()
    assert (await asyncio.wait_for(call, PATIENCE_S)).error_type == "Runtime.ExitError"
    with pytest.raises(ServiceFailure, match="shutting down"):
        await living.call()

"""Provisioned sandboxes: real processes, and a clock that stands still."""

from __future__ import annotations

import asyncio
import logging

import psutil
import pytest

from runtime_api.dispatch.capacity import Capacity
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.errors import TooManyRequests
from tests.runtime_api.conftest import Script
from tests.runtime_api.dispatch.capacities import capacity_of
from tests.runtime_api.dispatch.living_pool import OBEDIENT, LivingPool, Open, close_soon
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

PROVISIONED = "provisioned-concurrency"
# Answers with what it was initialised for, unless it is told what to do.
TELLING = OBEDIENT.replace("str(os.getpid())", "os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']")
FAILING = (
    """
    if os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] != "on-demand":
        sys.exit(1)
    """
    + TELLING
)
IDLE_MS = 60_000.0


async def warm(living: LivingPool) -> LivingPool:
    """Have what is provisioned ready."""
    await asyncio.wait_for(living.pool.warm(), PATIENCE_S)
    return living


async def rested(living: LivingPool) -> None:
    """Wait until one of each kind is idle."""
    await until(lambda: living.pool._provisioned._ready and living.pool._idle)


async def said(call: asyncio.Task[Outcome]) -> str:
    """What a call is answered."""
    return (await asyncio.wait_for(call, PATIENCE_S)).body.decode()


def one_of(script: Script, source: str, count: int, **members: object) -> Function:
    """A version with so many provisioned."""
    return script(source, version="1", provisioned_concurrency=count, **members)


async def test_they_are_ready_before_anybody_calls(script: Script, open_pool: Open) -> None:
    """Code sees what it is initialised for; on-demand sandboxes serve what is beyond, and the quota is for those alone."""
    living = await warm(open_pool(one_of(script, TELLING, 2, concurrency=3)))
    before = living.pids
    assert len(before) == 2
    calls = [living.calling("go") for _ in range(3)]
    await living.busy(3)
    assert living.capacity.quota.in_flight == 1
    with pytest.raises(TooManyRequests):
        await living.call()
    living.release("go")
    assert sorted([await said(call) for call in calls]) == ["on-demand", PROVISIONED, PROVISIONED]
    assert before < living.pids


async def test_they_are_used_first(script: Script, open_pool: Open) -> None:
    """Also where one that was started on demand was used last."""
    living = await warm(open_pool(one_of(script, TELLING, 1)))
    first, second = living.calling("first"), living.calling("second")
    await living.busy(2)
    living.release("first")
    assert await said(first) == PROVISIONED
    living.release("second")
    assert await said(second) == "on-demand"
    for _ in range(3):
        await rested(living)
        assert await said(living.calling()) == PROVISIONED


async def test_they_are_never_idle_for_too_long(script: Script, open_pool: Open, clock: VirtualClock) -> None:
    """What was started on demand ends, they stay."""
    function = one_of(script, TELLING, 1)
    living = await warm(open_pool(function, capacity_of(function, clock, IDLE_MS)))
    ready = living.pids
    calls = [living.calling("go") for _ in range(2)]
    await living.busy(2)
    living.release("go")
    await asyncio.wait(calls)
    await rested(living)
    clock.advance(IDLE_MS)
    assert living.pids == ready


async def test_one_that_ends_at_work_is_replaced(script: Script, open_pool: Open) -> None:
    """By one that is provisioned too, ready before the next call."""
    living = await warm(open_pool(one_of(script, TELLING, 1)))
    before = living.pids
    assert (await living.call("exit")).error_type == "Runtime.ExitError"
    await until(lambda: living.pool._provisioned._ready)
    assert living.pids.isdisjoint(before)
    assert await said(living.calling()) == PROVISIONED


async def test_one_that_never_gets_ready(script: Script, open_pool: Open, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, its share goes to calls on demand, and nothing is tried over and over."""
    function = one_of(script, FAILING, 1, concurrency=1)
    with caplog.at_level(logging.WARNING, logger="pilotlight"):
        living = await warm(open_pool(function))
    assert [record.getMessage() for record in caplog.records] == [
        f"{function.name}:1 has one provisioned sandbox less, its calls are served on demand: its init failed"
    ]
    assert living.pids == set()
    assert await said(living.calling()) == "on-demand"


async def test_one_that_ends_unused_is_given_up(
    script: Script, open_pool: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever ended it would end the next as well."""
    living = await warm(open_pool(one_of(script, TELLING, 1, concurrency=1)))
    with caplog.at_level(logging.WARNING, logger="pilotlight"):
        psutil.Process(next(iter(living.pids))).kill()
        await until(lambda: living.capacity.quota.limit == 1)
    assert "it ended before it was used" in caplog.text
    assert await said(living.calling()) == "on-demand"


@pytest.mark.parametrize("turns", range(0, 6, 2))
async def test_closing_while_they_get_ready(script: Script, open_pool: Open, clock: VirtualClock, turns: int) -> None:
    """Nobody waits any longer, nothing is left, and nothing is said to have failed."""
    living = open_pool(one_of(script, TELLING, 2))
    warming = asyncio.ensure_future(living.pool.warm())
    for _ in range(turns):
        await asyncio.sleep(0)
    await close_soon(living.pool, clock)
    await asyncio.wait_for(warming, PATIENCE_S)
    assert living.pids == set()


# what versions share


@pytest.fixture
def shared(script: Script, clock: VirtualClock) -> tuple[Function, Capacity]:
    """A function that may run once at a time, whatever its version."""
    function = script(OBEDIENT, concurrency=1)
    return function, capacity_of(function, clock)


async def test_versions_share_what_is_reserved(shared: tuple[Function, Capacity], open_pool: Open) -> None:
    """While one works, a call of the other is refused; afterwards its idle sandbox makes room."""
    function, capacity = shared
    one, other = open_pool(function, capacity), open_pool(function, capacity)
    call = one.calling("go")
    await one.busy()
    with pytest.raises(TooManyRequests):
        await other.call()
    one.release("go")
    await asyncio.wait_for(call, PATIENCE_S)
    await one.idle()
    assert await other.pid() not in one.pids
    assert one.pids == set()


async def test_an_idle_sandbox_is_no_right_to_a_place(shared: tuple[Function, Capacity], open_pool: Open) -> None:
    """Where others use up the quota, it stays idle, and its caller is refused."""
    function, capacity = shared
    living = open_pool(function, capacity)
    await living.pid()
    await living.idle()
    capacity.quota.take()
    with pytest.raises(TooManyRequests):
        await living.call()
    capacity.quota.give_back()
    assert await living.pid() in living.pids

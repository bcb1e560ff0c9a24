from __future__ import annotations

import asyncio

import pytest

from runtime_api.frontend.gate import Gate, Stage
from runtime_api.protocol.invoke.errors import ServiceUnavailable
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until


@pytest.fixture
def gate() -> Gate:
    """One that is open."""
    gate = Gate()
    gate.reach(Stage.READY)
    return gate


@pytest.mark.parametrize("stage", [Stage.WARMING, Stage.OPENING_QUEUE, Stage.DRAINING])
def test_nobody_enters_unless_it_is_ready(stage: Stage) -> None:
    """The refusal says why, and when to come back; who was refused is not inside."""
    gate = Gate()
    gate.reach(stage)
    with pytest.raises(ServiceUnavailable, match=stage.value) as refused, gate:
        raise AssertionError
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    assert gate.inside == 0


async def test_a_drain_waits_for_those_inside(gate: Gate, clock: VirtualClock) -> None:
    """And no longer; whoever leaves by an error has left, too."""
    with gate:
        with pytest.raises(KeyError), gate:
            raise KeyError
        draining = asyncio.ensure_future(gate.drain(clock, 1_000))
        await until(lambda: clock.pending)
        assert not draining.done()
    await draining
    assert clock.pending == []


async def test_a_drain_waits_no_longer_than_it_may(gate: Gate, clock: VirtualClock) -> None:
    """Those inside stay inside."""
    with gate:
        draining = asyncio.ensure_future(gate.drain(clock, 1_000))
        await until(lambda: clock.pending)
        clock.advance(999)
        await asyncio.sleep(0)
        assert not draining.done()
        clock.advance(1)
        await draining
        assert gate.inside == 1


async def test_an_empty_gate_is_drained_at_once(gate: Gate, clock: VirtualClock) -> None:
    """And stays closed, even where somebody was still about to open it."""
    await gate.drain(clock, 1_000)
    gate.reach(Stage.READY)
    assert gate.stage is Stage.DRAINING

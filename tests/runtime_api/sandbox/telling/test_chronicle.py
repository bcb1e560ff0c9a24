"""What is published of a sandbox's life, in its own words and durations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.sandbox.in_hand import InHand
from runtime_api.sandbox.telling.chronicle import Chronicle
from runtime_api.telemetry.events import InitReport, InitRuntimeDone, InitStart, Record, Report, RuntimeDone, Start
from runtime_api.telemetry.stream import Stream
from tests.runtime_api.fake_runtime import REQUEST_ID, invocation
from tests.runtime_api.virtual_clock import VirtualClock

DONE = Outcome(OutcomeKind.SUCCESS, b"1")


class Chronicled:
    """A chronicle and what it published."""

    def __init__(self, clock: VirtualClock, **options: Any) -> None:  # noqa: ANN401  (any option of Function)
        function = Function(name="hello", task_root=str(Path("/srv")), handler="a.b", **options)
        stream = Stream(clock)
        self.records: list[Record] = []
        stream.subscribe(lambda event: self.records.append(event.record))
        self.chronicle = Chronicle(function, stream, clock)


@pytest.mark.parametrize(
    ("options", "phase", "expected"),
    [
        ({}, InitPhase.INIT, (InitializationType.ON_DEMAND, InitPhase.INIT)),
        ({}, InitPhase.INVOKE, (InitializationType.ON_DEMAND, InitPhase.INVOKE)),
        ({"init_type": "snap-start"}, InitPhase.INIT, (InitializationType.SNAP_START, InitPhase.SNAP_START)),
        ({"init_type": "snap-start"}, InitPhase.INVOKE, (InitializationType.SNAP_START, InitPhase.INVOKE)),
    ],
)
async def test_init_says_what_it_is_for(
    clock: VirtualClock, options: dict[str, str], phase: InitPhase, expected: tuple[InitializationType, InitPhase]
) -> None:
    """Each event of an init has its type and its phase."""
    told = Chronicled(clock, **options)
    told.chronicle.phase = phase
    told.chronicle.init_started()
    clock.advance(12.5)
    told.chronicle.runtime_initialised(OutcomeKind.SUCCESS)
    told.chronicle.init_over(OutcomeKind.SUCCESS)
    assert told.records == [
        InitStart("hello", "$LATEST", *expected),
        InitRuntimeDone(OutcomeKind.SUCCESS, None, *expected),
        InitReport(OutcomeKind.SUCCESS, 12.5, None, *expected),
    ]


async def test_the_tenant_is_in_every_event_of_its_invocation(clock: VirtualClock) -> None:
    """Start, runtime done and report."""
    told = Chronicled(clock, tenant_isolation=True)
    current = InHand(msgspec.structs.replace(invocation(), tenant_id="blue"))
    told.chronicle.started(current)
    clock.advance(3)
    told.chronicle.runtime_done(current, DONE)
    told.chronicle.reported(current, DONE, 40)
    assert told.records == [
        Start(REQUEST_ID, "$LATEST", "blue"),
        RuntimeDone(REQUEST_ID, OutcomeKind.SUCCESS, 3.0, tenant_id="blue"),
        Report(REQUEST_ID, OutcomeKind.SUCCESS, 3.0, 3, 128, 40, tenant_id="blue"),
    ]


async def test_what_came_before_is_billed_once(clock: VirtualClock) -> None:
    """A restore with the first invocation, rounded up by itself and then with it; nothing with the second."""
    told = Chronicled(clock, init_type="snap-start")
    told.chronicle.restore_started()
    clock.advance(300.5)
    told.chronicle.restore_over(OutcomeKind.SUCCESS)
    for _ in range(2):
        current = InHand(invocation())
        told.chronicle.started(current)
        clock.advance(1.5)
        told.chronicle.reported(current, DONE, 40)
    assert [record for record in told.records if isinstance(record, Report)] == [
        Report(
            REQUEST_ID,
            OutcomeKind.SUCCESS,
            1.5,
            303,
            128,
            40,
            restore_duration_ms=300.5,
            billed_restore_duration_ms=301,
        ),
        Report(REQUEST_ID, OutcomeKind.SUCCESS, 1.5, 2, 128, 40),
    ]


async def test_an_init_that_never_began_took_no_time(clock: VirtualClock) -> None:
    """Its program was not found: the time is none, and not that of the machine."""
    clock.advance(5_000)
    told = Chronicled(clock)
    told.chronicle.init_over(OutcomeKind.ERROR, "Runtime.InvalidEntrypoint")
    [report] = told.records
    assert isinstance(report, InitReport)
    assert report.duration_ms == 0

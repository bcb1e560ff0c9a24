from __future__ import annotations

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.metrics import Serving, Tally
from runtime_api.telemetry.events import Event, FunctionLine, InitReport, Record, Report, RuntimeDone, Start
from runtime_api.telemetry.metrics import SandboxMetrics


def test_a_sandbox_life_in_numbers() -> None:
    """Each invocation counts once, by its report; lines and steps in between do not."""
    tally = Tally()
    observe = SandboxMetrics(tally, Serving.SPILLOVER)
    life: list[Record] = [
        InitReport(OutcomeKind.SUCCESS, 80.0),
        Start("one", "$LATEST"),
        FunctionLine(b"hello\n"),
        RuntimeDone("one", OutcomeKind.SUCCESS, 5.0),
        Report("one", OutcomeKind.SUCCESS, 6.0),
        Start("two", "$LATEST"),
        RuntimeDone("two", OutcomeKind.TIMEOUT, 3_000.0),
        Report("two", OutcomeKind.TIMEOUT, 3_000.0),
        Start("three", "$LATEST"),
    ]
    for record in life:
        observe(Event(0, record))
    assert (tally.invocations, tally.spillover_invocations, tally.errors, tally.running) == (3, 3, 1, 1)
    assert (tally.cold_starts, tally.init_duration.sum, tally.duration.sum) == (1, 0.08, 3.006)

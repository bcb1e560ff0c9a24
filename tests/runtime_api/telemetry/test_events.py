from __future__ import annotations

import msgspec

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.events import InitReport, InitStart, Report, RuntimeDone, Start


def test_events_have_the_names_of_the_schema() -> None:
    """The type and the members as the Telemetry API spells them."""
    records = [
        InitStart("hello", "$LATEST"),
        InitReport(OutcomeKind.SUCCESS, 1.5),
        Start("id-1", "$LATEST"),
        RuntimeDone("id-1", OutcomeKind.TIMEOUT, 1.5),
        Report("id-1", OutcomeKind.ERROR, 1.5, 2, 128, 36),
    ]
    made = {record["type"]: set(record) - {"type"} for record in map(msgspec.to_builtins, records)}
    assert made == {
        "platform.initStart": {"functionName", "functionVersion", "initializationType", "phase"},
        "platform.initReport": {"status", "durationMs", "errorType", "initializationType", "phase"},
        "platform.start": {"requestId", "version"},
        "platform.runtimeDone": {"requestId", "status", "durationMs", "errorType", "message"},
        "platform.report": {
            "requestId",
            "status",
            "durationMs",
            "billedDurationMs",
            "memorySizeMb",
            "maxMemoryUsedMb",
            "initDurationMs",
            "errorType",
        },
    }


def test_a_status_is_written_as_its_value() -> None:
    """success, error, timeout, failure."""
    assert [msgspec.to_builtins(kind) for kind in OutcomeKind] == ["success", "error", "timeout", "failure"]

from __future__ import annotations

import msgspec
import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.api.logs_records import logs_records
from runtime_api.telemetry.events import (
    ExtensionRecord,
    InitReport,
    InitRuntimeDone,
    InitStart,
    LogsDropped,
    LogsSubscription,
    Record,
    Report,
    RestoreReport,
    RestoreRuntimeDone,
    RestoreStart,
    RuntimeDone,
    Start,
    TelemetrySubscription,
)

OK, ERROR, TIMEOUT = OutcomeKind.SUCCESS, OutcomeKind.ERROR, OutcomeKind.TIMEOUT
Described = list[tuple[str, object]]
END: tuple[str, object] = ("platform.end", {"requestId": "id-1"})


def made(record: Record, *, with_runtime_done: bool) -> Described:
    """What the Logs API makes of an event, as plain data."""
    return [
        (name, msgspec.to_builtins(content))
        for name, content in logs_records(record, with_runtime_done=with_runtime_done)
    ]


BOTH_VERSIONS: list[tuple[Record, Described]] = [
    (InitStart("hello", "$LATEST"), []),
    (
        InitRuntimeDone(ERROR),
        [("platform.initRuntimeDone", {"initializationType": "on-demand", "status": "failure"})],
    ),
    (
        InitReport(OK, 731.79),
        [
            (
                "platform.initReport",
                {"initializationType": "on-demand", "metrics": {"durationMs": 731.79, "billedDurationMs": 732}},
            )
        ],
    ),
    (RestoreStart("hello", "1"), [("platform.restoreStart", {})]),
    (
        RestoreReport(OK, 70.87),
        [("platform.restoreReport", {"metrics": {"durationMs": 70.87, "billedDurationMs": 71}})],
    ),
    (Start("id-1", "1", "tenant"), [("platform.start", {"requestId": "id-1", "version": "1"})]),
    (
        Report("id-1", ERROR, 1.0, 2, 128, 36, 3.0, "Runtime.ExitError", tenant_id="tenant"),
        [
            (
                "platform.report",
                {
                    "requestId": "id-1",
                    "metrics": {
                        "durationMs": 1.0,
                        "billedDurationMs": 2,
                        "memorySizeMB": 128,
                        "maxMemoryUsedMB": 36,
                        "initDurationMs": 3.0,
                    },
                },
            )
        ],
    ),
    (
        ExtensionRecord("agent", "Ready", ("INVOKE",)),
        [("platform.extension", {"name": "agent", "state": "Ready", "events": ("INVOKE",)})],
    ),
    (
        LogsSubscription("agent", ("platform",)),
        [("platform.logsSubscription", {"name": "agent", "state": "Subscribed", "types": ("platform",)})],
    ),
    (TelemetrySubscription("agent", ("platform",)), []),
    (
        LogsDropped(1, 2, "slow"),
        [("platform.logsDropped", {"droppedBytes": 1, "droppedRecords": 2, "reason": "slow"})],
    ),
]


@pytest.mark.parametrize("with_runtime_done", [False, True])
@pytest.mark.parametrize(("record", "described"), BOTH_VERSIONS, ids=lambda value: type(value).__name__)
def test_the_members(record: Record, described: Described, with_runtime_done: bool) -> None:
    """The older names and members, and nothing of what came later."""
    assert made(record, with_runtime_done=with_runtime_done) == described


@pytest.mark.parametrize(
    ("record", "fault", "status"),
    [
        (RuntimeDone("id-1", OK, 1.0), None, "success"),
        (RuntimeDone("id-1", ERROR, 1.0, "Runtime.Unknown"), None, "failure"),
        (
            RuntimeDone("id-1", ERROR, 1.0, "Runtime.ExitError", "Runtime exited"),
            "RequestId: id-1 Status: error\tErrorType: Runtime.ExitError",
            "failure",
        ),
        (
            RuntimeDone("id-1", TIMEOUT, 1.0, "Sandbox.Timedout", "Task timed out"),
            "RequestId: id-1 Status: timeout",
            "timeout",
        ),
    ],
)
def test_the_end_of_an_invocation(record: RuntimeDone, fault: str | None, status: str) -> None:
    """What the platform found is a fault; the later version has runtimeDone; the end is told in both."""
    faults: Described = [("platform.fault", fault)] if fault else []
    done: Described = [("platform.runtimeDone", {"requestId": "id-1", "status": status})]
    assert made(record, with_runtime_done=False) == [*faults, END]
    assert made(record, with_runtime_done=True) == [*faults, *done, END]


def test_restore_runtime_done_came_with_the_later_version() -> None:
    """The first one does not have it."""
    assert made(RestoreRuntimeDone(TIMEOUT), with_runtime_done=False) == []
    assert made(RestoreRuntimeDone(TIMEOUT), with_runtime_done=True) == [
        ("platform.restoreRuntimeDone", {"status": "timeout"})
    ]

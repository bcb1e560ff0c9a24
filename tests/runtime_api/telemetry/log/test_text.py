from __future__ import annotations

import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.telemetry.events import (
    Event,
    ExtensionLine,
    ExtensionRecord,
    FunctionLine,
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
    Tracing,
)
from runtime_api.telemetry.log.text import text_lines

TIME_MS = 1_700_000_000_123.0
OK, ERROR, TIMEOUT, FAILURE = OutcomeKind.SUCCESS, OutcomeKind.ERROR, OutcomeKind.TIMEOUT, OutcomeKind.FAILURE
SNAP_START = InitializationType.SNAP_START
VERSION, VERSION_ARN = "python:3.13.v43", "arn:aws:lambda:us-east-1::runtime:0123"
TRACING = Tracing("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")

LINES: list[tuple[Record, bytes]] = [
    (InitStart("hello", "$LATEST"), b""),
    (
        InitStart("hello", "$LATEST", runtime_version=VERSION, runtime_version_arn=VERSION_ARN),
        b"INIT_START Runtime Version: python:3.13.v43\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0123\n",
    ),
    (InitStart("hello", "$LATEST", runtime_version=VERSION), b"INIT_START Runtime Version: python:3.13.v43\n"),
    (InitRuntimeDone(ERROR, "Runtime.ExitError"), b""),
    (InitReport(OK, 12.5), b""),
    (InitReport(OK, 12.5, None, SNAP_START), b"INIT_REPORT Init Duration: 12.50 ms\n"),
    (
        InitReport(ERROR, 1.0, "Extension.Crash", phase=InitPhase.INVOKE),
        b"INIT_REPORT Init Duration: 1.00 ms\tPhase: invoke\tStatus: error\tError Type: Extension.Crash\n",
    ),
    (RestoreStart("hello", "1"), b""),
    (
        RestoreStart("hello", "1", VERSION, VERSION_ARN),
        b"RESTORE_START Runtime Version: python:3.13.v43\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0123\n",
    ),
    (RestoreRuntimeDone(OK), b""),
    (RestoreReport(OK, 509.306), b"RESTORE_REPORT Restore Duration: 509.31 ms\n"),
    (
        RestoreReport(ERROR, 5.0, "Runtime.AfterRestoreError"),
        b"RESTORE_REPORT Restore Duration: 5.00 ms\tStatus: error\tError Type: Runtime.AfterRestoreError\n",
    ),
    (
        ExtensionRecord("agent", "Ready", ("INVOKE", "SHUTDOWN")),
        b"EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n",
    ),
    (
        ExtensionRecord("agent", "LaunchError", (), "PermissionDenied"),
        b"EXTENSION\tName: agent\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n",
    ),
    (
        TelemetrySubscription("agent", ("platform", "function")),
        b"TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]\n",
    ),
    (LogsSubscription("agent", ("extension",)), b"LOGS\tName: agent\tState: Subscribed\tTypes: [Extension]\n"),
    (LogsDropped(1, 2, "slow"), b""),
    (ExtensionLine("agent", b"said"), b"said\n"),
    (
        InitReport(ERROR, 12.345, "Runtime.ExitError"),
        b"INIT_REPORT Init Duration: 12.35 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n",
    ),
    (InitReport(TIMEOUT, 10_000.0), b"INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"),
    (Start("id-1", "$LATEST"), b"START RequestId: id-1 Version: $LATEST\n"),
    (FunctionLine(b"printed\n"), b"printed\n"),
    (FunctionLine(b"cut off"), b"cut off\n"),
    (FunctionLine(b"\n"), b"\n"),
    (FunctionLine(b"\xff\x00\r\n"), b"\xff\x00\r\n"),
    (RuntimeDone("id-1", OK, 1.0), b"END RequestId: id-1\n"),
    (RuntimeDone("id-1", ERROR, 1.0, "Runtime.Unknown"), b"END RequestId: id-1\n"),
    (
        RuntimeDone("id-1", ERROR, 1.0, "Runtime.ExitError", "Runtime exited without providing a reason"),
        b"RequestId: id-1 Error: Runtime exited without providing a reason\nRuntime.ExitError\nEND RequestId: id-1\n",
    ),
    (
        RuntimeDone("id-1", TIMEOUT, 3000.0, "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
        b"2023-11-14T22:13:20.123Z id-1 Task timed out after 3.00 seconds\n\nEND RequestId: id-1\n",
    ),
    (
        Report("id-1", OK, 3.006, 4, 128, 36),
        b"REPORT RequestId: id-1\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\t\n",
    ),
    (
        Report("id-1", OK, 3.0, 114, 128, 36, 110.1),
        b"REPORT RequestId: id-1\tDuration: 3.00 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
    ),
    (
        Report("id-1", ERROR, 3.0, 3, 128, 36),
        b"REPORT RequestId: id-1\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\t\n",
    ),
    (
        Report("id-1", ERROR, 3.0, 3, 128, 36, None, "Runtime.ExitError"),
        b"REPORT RequestId: id-1\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError\n",
    ),
    (
        Report("id-1", FAILURE, 3.0, 3, 128, 36, None, "Sandbox.Failure"),
        b"REPORT RequestId: id-1\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\tStatus: failure\tError Type: Sandbox.Failure\n",
    ),
    (
        Report("id-1", OK, 2338.66, 2521, 3009, 173, restore_duration_ms=398.97, billed_restore_duration_ms=182),
        b"REPORT RequestId: id-1\tDuration: 2338.66 ms\tBilled Duration: 2521 ms\tMemory Size: 3009 MB\t"
        b"Max Memory Used: 173 MB\tRestore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t\n",
    ),
    (
        Report("id-1", OK, 3.0, 3, 128, 36, tracing=TRACING),
        b"REPORT RequestId: id-1\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\t\nXRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\t"
        b"SegmentId: 53995c3f42cd8ad8\tSampled: true\t\n",
    ),
    (
        Report("id-1", TIMEOUT, 3000.0, 3000, 128, 36, None, "Sandbox.Timedout"),
        b"REPORT RequestId: id-1\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\tStatus: timeout\n",
    ),
]


@pytest.mark.parametrize(("record", "lines"), LINES, ids=[type(row[0]).__name__ for row in LINES])
def test_the_exact_lines(record: Record, lines: bytes) -> None:
    """Every event as it stands in the log; REPORT ends with a tab unless a status follows."""
    assert text_lines(Event(TIME_MS, record)) == lines

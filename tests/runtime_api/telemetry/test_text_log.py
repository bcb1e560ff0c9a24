from __future__ import annotations

import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.events import Event, FunctionLine, InitReport, InitStart, Record, Report, RuntimeDone, Start
from runtime_api.telemetry.text_log import iso_time, text_lines

TIME_MS = 1_700_000_000_123.0
OK, ERROR, TIMEOUT = OutcomeKind.SUCCESS, OutcomeKind.ERROR, OutcomeKind.TIMEOUT

LINES: list[tuple[Record, bytes]] = [
    (InitStart("hello", "$LATEST"), b""),
    (InitReport(OK, 12.5), b""),
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
        Report("id-1", TIMEOUT, 3000.0, 3000, 128, 36, None, "Sandbox.Timedout"),
        b"REPORT RequestId: id-1\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
        b"Max Memory Used: 36 MB\tStatus: timeout\n",
    ),
]


@pytest.mark.parametrize(("record", "lines"), LINES, ids=[type(row[0]).__name__ for row in LINES])
def test_the_exact_lines(record: Record, lines: bytes) -> None:
    """Every event as it stands in the log; REPORT ends with a tab unless a status follows."""
    assert text_lines(Event(TIME_MS, record)) == lines


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_123.0, "2023-11-14T22:13:20.123Z"),
        (1_700_000_000_000.0, "2023-11-14T22:13:20.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(time_ms: float, text: str) -> None:
    """Three digits and a Z, also where they are zero."""
    assert iso_time(time_ms) == text

from __future__ import annotations

import json

import pytest

from runtime_api.protocol.function.log_levels import LogLevel
from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.phases import InitializationType
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
)
from runtime_api.telemetry.log.json_log import JsonLog, line_level, system_level

OK, ERROR, TIMEOUT = OutcomeKind.SUCCESS, OutcomeKind.ERROR, OutcomeKind.TIMEOUT
DEBUG, INFO, WARN = LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARN
STAMP = '"timestamp":"2024-01-01T00:00:00Z"'

SYSTEM_LEVELS: list[tuple[Record, LogLevel]] = [
    (InitStart("f", "1"), DEBUG),
    (InitStart("f", "1", runtime_version="python:3.13.v43"), INFO),
    (InitRuntimeDone(OK), DEBUG),
    (InitRuntimeDone(ERROR), WARN),
    (InitReport(OK, 1.0), DEBUG),
    (InitReport(OK, 1.0, initialization_type=InitializationType.SNAP_START), INFO),
    (InitReport(TIMEOUT, 1.0), WARN),
    (RestoreStart("f", "1"), INFO),
    (RestoreRuntimeDone(OK), DEBUG),
    (RestoreRuntimeDone(ERROR), WARN),
    (RestoreReport(OK, 1.0), INFO),
    (RestoreReport(ERROR, 1.0), WARN),
    (Start("id-1", "1"), INFO),
    (RuntimeDone("id-1", OK, 1.0), DEBUG),
    (RuntimeDone("id-1", TIMEOUT, 1.0), WARN),
    (Report("id-1", OK, 1.0), INFO),
    (Report("id-1", ERROR, 1.0), WARN),
    (ExtensionRecord("a", "Ready"), INFO),
    (TelemetrySubscription("a", ()), INFO),
    (LogsSubscription("a", ()), INFO),
    (LogsDropped(1, 1, "slow"), INFO),
]


@pytest.mark.parametrize(("record", "level"), SYSTEM_LEVELS, ids=lambda value: type(value).__name__)
def test_the_level_of_a_platform_event(record: Record, level: LogLevel) -> None:
    """As the service's table has it."""
    assert system_level(record) is level


@pytest.mark.parametrize("system", [DEBUG, INFO, WARN])
def test_platform_events_below_the_system_level_are_not_written(system: LogLevel) -> None:
    """With WARN, nothing is left of an invocation that went well."""
    log = JsonLog(system=system)
    written = [bool(log(Event(0.0, record))) for record, _ in SYSTEM_LEVELS if type(record) is not LogsSubscription]
    assert written == [level >= system for record, level in SYSTEM_LEVELS if type(record) is not LogsSubscription]


def test_platform_events_are_the_telemetry_apis_objects() -> None:
    """One line each; an end has none."""
    line = JsonLog(system=DEBUG)(Event(0.0, RuntimeDone("id-1", TIMEOUT, 3000.0, "Sandbox.Timedout", "Task timed out")))
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.000Z",
        "type": "platform.runtimeDone",
        "record": {
            "requestId": "id-1",
            "status": "timeout",
            "errorType": "Sandbox.Timedout",
            "metrics": {"durationMs": 3000.0},
        },
    }
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (f'{{"level":"TRACE",{STAMP}}}', "TRACE"),
        (f'{{"level":"debug",{STAMP}}}', "DEBUG"),
        (f' {{{STAMP},"level":"Info","message":"x"}}\n', "INFO"),
        (f'{{"level":"WARN",{STAMP}}}', "WARN"),
        (f'{{"level":"WARNING",{STAMP}}}', "WARN"),
        (f'{{"level":"ERROR",{STAMP}}}', "ERROR"),
        (f'{{"level":"FATAL",{STAMP}}}', "FATAL"),
        (f'{{"level":"CRITICAL",{STAMP}}}', "FATAL"),
        ('{"level":"DEBUG","timestamp":"2024-01-01T00:00:00.123+02:00"}', "DEBUG"),
        ('{"level":"ERROR"}', "INFO"),
        ('{"level":"ERROR","timestamp":"yesterday"}', "INFO"),
        ('{"level":"ERROR","timestamp":"2024-01-01T00:00:00"}', "INFO"),
        ('{"level":"ERROR","timestamp":1704067200}', "INFO"),
        (f'{{"level":"LOUD",{STAMP}}}', "INFO"),
        (f'{{"level":5,{STAMP}}}', "INFO"),
        (f'{{"message":"x",{STAMP}}}', "INFO"),
        (f'{{"level":"ERROR",{STAMP}', "INFO"),
        ('["ERROR"]', "INFO"),
        ("[ERROR] plain text", "INFO"),
        ("", "INFO"),
    ],
)
def test_the_level_of_a_line(line: str, level: str) -> None:
    """A JSON object with a known level and an RFC 3339 timestamp has it; anything else is INFO."""
    assert line_level(line.encode()).name == level


@pytest.mark.parametrize("application", list(LogLevel))
def test_lines_below_the_application_level_are_not_written(application: LogLevel) -> None:
    """Those at the level and above are, as they are."""
    log = JsonLog(application)
    for level in LogLevel:
        line = f'{{"level":"{level.name}",{STAMP}}}\n'.encode()
        assert log(Event(0.0, FunctionLine(line))) == (line if level >= application else b"")


def test_the_frame_of_a_line_has_the_say() -> None:
    """Whatever the line itself says."""
    line = f'{{"level":"ERROR",{STAMP}}}\n'.encode()
    assert JsonLog()(Event(0.0, FunctionLine(line, None, DEBUG))) == b""
    assert JsonLog(WARN)(Event(0.0, FunctionLine(b"plain", None, WARN))) == b"plain\n"


def test_plain_lines_are_info_and_stay_plain() -> None:
    """What a runtime of the OS only prints is not wrapped for it."""
    assert JsonLog()(Event(0.0, FunctionLine(b"\xffplain"))) == b"\xffplain\n"
    assert JsonLog(WARN)(Event(0.0, FunctionLine(b"plain\n"))) == b""


def test_extensions_are_not_filtered() -> None:
    """Their lines are nobody's business but theirs."""
    assert JsonLog(LogLevel.FATAL)(Event(0.0, ExtensionLine("agent", b"said\n"))) == b"said\n"

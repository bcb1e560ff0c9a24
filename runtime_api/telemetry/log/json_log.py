"""The log in JSON format: platform events as the Telemetry API's objects, application lines as they are, both filtered by level.

An application line has a level when the framed descriptor gave it one, or when it is a JSON object with a known `level` and an
RFC 3339 `timestamp`; any other line counts as INFO.
Source: the Developer Guide's pages monitoring-cloudwatchlogs-logformat and monitoring-cloudwatchlogs-log-level.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from runtime_api.protocol.function.log_levels import LogLevel, parse_level
from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.phases import InitializationType
from runtime_api.telemetry import events
from runtime_api.telemetry.api.schema import Schema, encode_event
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine, Record
from runtime_api.telemetry.log.text import printed_line


class _LeveledLine(msgspec.Struct):
    level: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]


_decode = msgspec.json.Decoder(_LeveledLine).decode


class JsonLog:
    """Writes events as lines of the log; what is below its level is not written. Extensions' lines are never filtered."""

    def __init__(self, application: LogLevel = LogLevel.INFO, system: LogLevel = LogLevel.INFO) -> None:
        self._application = application
        self._system = system

    def __call__(self, event: Event) -> bytes:
        record = event.record
        if isinstance(record, FunctionLine):
            return printed_line(record) if self._wants(record) else b""
        if isinstance(record, ExtensionLine):
            return printed_line(record)
        if system_level(record) < self._system:
            return b""
        return b"".join(line + b"\n" for line in encode_event(event, Schema.TELEMETRY_2025_01_29))

    def _wants(self, record: FunctionLine) -> bool:
        # Nothing is below it: there is no need to look.
        if self._application is LogLevel.TRACE:
            return True
        return (record.level or line_level(record.line)) >= self._application


def line_level(line: bytes) -> LogLevel:
    """The level a line says it has, else INFO."""
    if not line.lstrip().startswith(b"{"):
        return LogLevel.INFO
    try:
        return parse_level(_decode(line).level) or LogLevel.INFO
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LogLevel.INFO


def system_level(record: Record) -> LogLevel:
    """The level of a platform event."""
    if isinstance(record, events.InitStart):
        return LogLevel.INFO if record.runtime_version else LogLevel.DEBUG
    status = getattr(record, "status", OutcomeKind.SUCCESS)
    if status is not OutcomeKind.SUCCESS:
        return LogLevel.WARN
    if isinstance(record, (events.InitRuntimeDone, events.RestoreRuntimeDone, events.RuntimeDone)):
        return LogLevel.DEBUG
    if isinstance(record, events.InitReport) and record.initialization_type is InitializationType.ON_DEMAND:
        return LogLevel.DEBUG
    return LogLevel.INFO

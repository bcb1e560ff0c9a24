"""The text log: each event as the lines the service writes to CloudWatch. A pure function of the stream.

Source: the Developer Guide's page on Lambda logs in CloudWatch; REPORT ends with a TAB, as the service prints it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.invoke.trace import parse_trace
from runtime_api.protocol.phases import InitializationType
from runtime_api.protocol.timestamps import iso_time
from runtime_api.telemetry import events
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine


def text_lines(event: Event) -> bytes:
    """The event's lines, each with its line feed; empty for events that have none."""
    record = event.record
    if isinstance(record, (FunctionLine, ExtensionLine)):
        return printed_line(record)
    if isinstance(record, events.RuntimeDone):
        return f"{_verdict(event.time_ms, record)}END RequestId: {record.request_id}\n".encode()
    write = _LINES.get(type(record))
    return write(record).encode() if write is not None else b""


def printed_line(record: FunctionLine | ExtensionLine) -> bytes:
    """What was printed, with the line feed it may lack."""
    return record.line if record.line.endswith(b"\n") else record.line + b"\n"


def _init_start(record: events.InitStart) -> str:
    return _runtime_version("INIT_START", record) if record.runtime_version else ""


def _init_report(record: events.InitReport) -> str:
    succeeded = record.status is OutcomeKind.SUCCESS
    if succeeded and record.initialization_type is InitializationType.ON_DEMAND:
        return ""
    line = f"INIT_REPORT Init Duration: {record.duration_ms:.2f} ms"
    return f"{line}\n" if succeeded else f"{line}\tPhase: {record.phase.value}\t{_status(record)}\n"


def _restore_start(record: events.RestoreStart) -> str:
    return _runtime_version("RESTORE_START", record) if record.runtime_version else ""


def _restore_report(record: events.RestoreReport) -> str:
    line = f"RESTORE_REPORT Restore Duration: {record.duration_ms:.2f} ms"
    return f"{line}\n" if record.status is OutcomeKind.SUCCESS else f"{line}\t{_status(record)}\n"


def _start(record: events.Start) -> str:
    # Among several at once, each has its fields between TABs.
    separator = " " if record.function_arn is None else "\t"
    return f"START RequestId: {record.request_id}{separator}Version: {record.version}\n"


def _verdict(time_ms: float, record: events.RuntimeDone) -> str:
    if record.message is None:
        return ""
    if record.status is OutcomeKind.TIMEOUT:
        return f"{iso_time(time_ms)} {record.request_id} {record.message}\n\n"
    return f"RequestId: {record.request_id} Error: {record.message}\n{record.error_type}\n"


def _report(record: events.Report) -> str:
    line = f"REPORT RequestId: {record.request_id}\tDuration: {record.duration_ms:.2f} ms\t"
    if record.billed_duration_ms is not None:
        line += f"Billed Duration: {record.billed_duration_ms} ms\t"
    if record.memory_size_mb is not None:
        line += f"Memory Size: {record.memory_size_mb} MB\tMax Memory Used: {record.max_memory_used_mb} MB\t"
    if record.init_duration_ms is not None:
        line += f"Init Duration: {record.init_duration_ms:.2f} ms\t"
    if record.restore_duration_ms is not None:
        line += f"Restore Duration: {record.restore_duration_ms:.2f} ms\t"
        line += f"Billed Restore Duration: {record.billed_restore_duration_ms} ms\t"
    if record.status is not OutcomeKind.SUCCESS and record.error_type is not None:
        line += _status(record)
    return f"{line}\n{_xray(record.tracing)}"


def _xray(tracing: events.Tracing | None) -> str:
    if tracing is None:
        return ""
    trace = parse_trace(tracing.value)
    trace_id = (trace.get("Root") or "").strip()
    return f"XRAY TraceId: {trace_id}\tSegmentId: {trace.get('Parent') or ''}\tSampled: true\t\n"


def _extension(record: events.ExtensionRecord) -> str:
    error = f"\tError Type: {record.error_type}" if record.error_type else ""
    return f"EXTENSION\tName: {record.name}\tState: {record.state}\tEvents: [{','.join(record.events)}]{error}\n"


def _telemetry_subscription(record: events.TelemetrySubscription) -> str:
    return f"TELEMETRY\t{_subscription(record)}"


def _logs_subscription(record: events.LogsSubscription) -> str:
    return f"LOGS\t{_subscription(record)}"


def _subscription(record: events.TelemetrySubscription | events.LogsSubscription) -> str:
    types = ", ".join(name.capitalize() for name in record.types)
    return f"Name: {record.name}\tState: {record.state}\tTypes: [{types}]\n"


def _runtime_version(what: str, record: events.InitStart | events.RestoreStart) -> str:
    arn = f"\tRuntime Version ARN: {record.runtime_version_arn}" if record.runtime_version_arn else ""
    return f"{what} Runtime Version: {record.runtime_version}{arn}\n"


def _status(record: events.InitReport | events.RestoreReport | events.Report) -> str:
    # A timeout says it all.
    shown = record.error_type is not None and record.status is not OutcomeKind.TIMEOUT
    return f"Status: {record.status.value}" + (f"\tError Type: {record.error_type}" if shown else "")


_LINES: dict[type, Callable[[Any], str]] = {
    events.InitStart: _init_start,
    events.InitReport: _init_report,
    events.RestoreStart: _restore_start,
    events.RestoreReport: _restore_report,
    events.Start: _start,
    events.Report: _report,
    events.ExtensionRecord: _extension,
    events.TelemetrySubscription: _telemetry_subscription,
    events.LogsSubscription: _logs_subscription,
}

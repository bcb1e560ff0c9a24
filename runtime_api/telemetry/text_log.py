"""The text log: each event as the lines the service writes to CloudWatch. A pure function of the stream.

Source: the Developer Guide's page on Lambda logs in CloudWatch; REPORT ends with a TAB, as the service prints it.
"""

from __future__ import annotations

from datetime import datetime, timezone

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.events import Event, FunctionLine, InitReport, Report, RuntimeDone, Start


def text_lines(event: Event) -> bytes:
    """The event's lines, each with its line feed; empty for events that have none."""
    record = event.record
    if isinstance(record, FunctionLine):
        return record.line if record.line.endswith(b"\n") else record.line + b"\n"
    if isinstance(record, Start):
        return f"START RequestId: {record.request_id} Version: {record.version}\n".encode()
    if isinstance(record, RuntimeDone):
        return f"{_verdict(event.time_ms, record)}END RequestId: {record.request_id}\n".encode()
    if isinstance(record, Report):
        return _report(record).encode()
    if isinstance(record, InitReport) and record.status is not OutcomeKind.SUCCESS:
        return _init_report(record).encode()
    return b""


def _verdict(time_ms: float, record: RuntimeDone) -> str:
    if record.message is None:
        return ""
    if record.status is OutcomeKind.TIMEOUT:
        return f"{iso_time(time_ms)} {record.request_id} {record.message}\n\n"
    return f"RequestId: {record.request_id} Error: {record.message}\n{record.error_type}\n"


def _report(record: Report) -> str:
    line = (
        f"REPORT RequestId: {record.request_id}\tDuration: {record.duration_ms:.2f} ms\t"
        f"Billed Duration: {record.billed_duration_ms} ms\tMemory Size: {record.memory_size_mb} MB\t"
        f"Max Memory Used: {record.max_memory_used_mb} MB\t"
    )
    if record.init_duration_ms is not None:
        line += f"Init Duration: {record.init_duration_ms:.2f} ms\t"
    if record.status is not OutcomeKind.SUCCESS and record.error_type is not None:
        line += f"Status: {record.status.value}"
        line += f"\tError Type: {record.error_type}" if record.status is OutcomeKind.ERROR else ""
    return line + "\n"


def _init_report(record: InitReport) -> str:
    line = (
        f"INIT_REPORT Init Duration: {record.duration_ms:.2f} ms\tPhase: {record.phase}\tStatus: {record.status.value}"
    )
    return line + (f"\tError Type: {record.error_type}\n" if record.error_type else "\n")


def iso_time(time_ms: float) -> str:
    """UTC with milliseconds and a Z, as telemetry and log lines have it."""
    moment = datetime.fromtimestamp(time_ms / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

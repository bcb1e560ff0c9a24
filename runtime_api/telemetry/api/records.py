"""The records of the Telemetry API: every platform event as the struct of its JSON object. What is not known is left out.

Source: the Developer Guide's telemetry-schema-reference page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.protocol.timestamps import iso_time
from runtime_api.telemetry import events


class Members(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """A JSON object."""


class SpanMembers(Members, frozen=True):
    """A Span."""

    name: str
    start: str
    duration_ms: float


class TraceContext(Members, frozen=True):
    """A TraceContext."""

    type: str
    value: str
    span_id: str | None = None


Spans = tuple[SpanMembers, ...]


class DurationMetrics(Members, frozen=True):
    """The metrics of an init or of a restore."""

    duration_ms: float


class RuntimeDoneMetrics(Members, frozen=True):
    """The metrics of a runtimeDone."""

    duration_ms: float
    produced_bytes: int | None = None


class ReportMetrics(Members, frozen=True):
    """The metrics of a report."""

    duration_ms: float
    billed_duration_ms: int | None = None
    memory_size_mb: int | None = msgspec.field(default=None, name="memorySizeMB")
    max_memory_used_mb: int | None = msgspec.field(default=None, name="maxMemoryUsedMB")
    init_duration_ms: float | None = None
    restore_duration_ms: float | None = None
    billed_restore_duration_ms: int | None = None


class InitStartMembers(Members, frozen=True):
    """A PlatformInitStart."""

    initialization_type: InitializationType
    phase: InitPhase
    function_name: str
    function_version: str
    function_arn: str | None = None
    runtime_version: str | None = None
    runtime_version_arn: str | None = None
    instance_id: str | None = None
    instance_max_memory: int | None = None
    tracing: TraceContext | None = None


class InitRuntimeDoneMembers(Members, frozen=True):
    """A PlatformInitRuntimeDone."""

    initialization_type: InitializationType
    phase: InitPhase
    status: OutcomeKind
    error_type: str | None = None
    spans: Spans = ()
    tracing: TraceContext | None = None


class InitReportMembers(Members, frozen=True):
    """A PlatformInitReport."""

    initialization_type: InitializationType
    phase: InitPhase
    status: OutcomeKind
    metrics: DurationMetrics
    error_type: str | None = None
    spans: Spans = ()
    tracing: TraceContext | None = None


class RestoreStartMembers(Members, frozen=True):
    """A PlatformRestoreStart."""

    function_name: str
    function_version: str
    runtime_version: str | None = None
    runtime_version_arn: str | None = None
    instance_id: str | None = None
    instance_max_memory: int | None = None


class RestoreRuntimeDoneMembers(Members, frozen=True):
    """A PlatformRestoreRuntimeDone."""

    status: OutcomeKind
    error_type: str | None = None
    spans: Spans = ()


class RestoreReportMembers(Members, frozen=True):
    """A PlatformRestoreReport."""

    status: OutcomeKind
    metrics: DurationMetrics
    error_type: str | None = None
    spans: Spans = ()


class StartMembers(Members, frozen=True):
    """A PlatformStart."""

    request_id: str
    version: str
    function_arn: str | None = None
    tenant_id: str | None = None
    tracing: TraceContext | None = None


class RuntimeDoneMembers(Members, frozen=True):
    """A PlatformRuntimeDone."""

    request_id: str
    status: OutcomeKind
    metrics: RuntimeDoneMetrics
    error_type: str | None = None
    tenant_id: str | None = None
    spans: Spans = ()
    tracing: TraceContext | None = None


class ReportMembers(Members, frozen=True):
    """A PlatformReport."""

    request_id: str
    status: OutcomeKind
    metrics: ReportMetrics
    error_type: str | None = None
    tenant_id: str | None = None
    spans: Spans = ()
    tracing: TraceContext | None = None


class ExtensionMembers(Members, frozen=True):
    """A PlatformExtension."""

    name: str
    state: str
    events: tuple[str, ...]
    error_type: str | None = None


class SubscriptionMembers(Members, frozen=True):
    """A PlatformTelemetrySubscription, or that of the Logs API."""

    name: str
    state: str
    types: tuple[str, ...]


class LogsDroppedMembers(Members, frozen=True):
    """A PlatformLogsDropped."""

    dropped_bytes: int
    dropped_records: int
    reason: str


def type_of(record: events.Record) -> str:
    """The record's `type`."""
    return _TYPES[type(record)]


def telemetry_members(record: events.Record) -> Members | None:
    """What the Telemetry API makes of an event; None for what is not in its schema."""
    members_of = _MEMBERS.get(type(record))
    return members_of(record) if members_of is not None else None


def spans_members(spans: tuple[events.Span, ...]) -> Spans:
    """A list of Spans."""
    return tuple([SpanMembers(span.name, iso_time(span.start_ms), round(span.duration_ms, 3)) for span in spans])


def trace_context(tracing: events.Tracing | None) -> TraceContext | None:
    """The TraceContext of a sampled invocation."""
    return TraceContext("X-Amzn-Trace-Id", tracing.value, tracing.span_id) if tracing is not None else None


def report_metrics(record: events.Report) -> ReportMetrics:
    """Durations have two digits, as in the log."""
    return ReportMetrics(
        round(record.duration_ms, 2),
        record.billed_duration_ms,
        record.memory_size_mb,
        record.max_memory_used_mb,
        None if record.init_duration_ms is None else round(record.init_duration_ms, 2),
        None if record.restore_duration_ms is None else round(record.restore_duration_ms, 2),
        record.billed_restore_duration_ms,
    )


def extension_members(record: events.ExtensionRecord) -> ExtensionMembers:
    """How an extension is doing."""
    return ExtensionMembers(record.name, record.state, record.events, record.error_type)


def subscription_members(record: events.TelemetrySubscription | events.LogsSubscription) -> SubscriptionMembers:
    """Who subscribed to what."""
    return SubscriptionMembers(record.name, record.state, record.types)


def dropped_members(record: events.LogsDropped) -> LogsDroppedMembers:
    """How much is missing, and why."""
    return LogsDroppedMembers(record.dropped_bytes, record.dropped_records, record.reason)


def _init_start(record: events.InitStart) -> InitStartMembers:
    return InitStartMembers(
        record.initialization_type,
        record.phase,
        record.function_name,
        record.function_version,
        record.function_arn,
        record.runtime_version,
        record.runtime_version_arn,
        record.instance_id,
        record.instance_max_memory_mb,
        trace_context(record.tracing),
    )


def _init_runtime_done(record: events.InitRuntimeDone) -> InitRuntimeDoneMembers:
    return InitRuntimeDoneMembers(
        record.initialization_type,
        record.phase,
        record.status,
        record.error_type,
        spans_members(record.spans),
        trace_context(record.tracing),
    )


def _init_report(record: events.InitReport) -> InitReportMembers:
    return InitReportMembers(
        record.initialization_type,
        record.phase,
        record.status,
        DurationMetrics(round(record.duration_ms, 2)),
        record.error_type,
        spans_members(record.spans),
        trace_context(record.tracing),
    )


def _restore_start(record: events.RestoreStart) -> RestoreStartMembers:
    return RestoreStartMembers(
        record.function_name,
        record.function_version,
        record.runtime_version,
        record.runtime_version_arn,
        record.instance_id,
        record.instance_max_memory_mb,
    )


def _restore_runtime_done(record: events.RestoreRuntimeDone) -> RestoreRuntimeDoneMembers:
    return RestoreRuntimeDoneMembers(record.status, record.error_type, spans_members(record.spans))


def _restore_report(record: events.RestoreReport) -> RestoreReportMembers:
    metrics = DurationMetrics(round(record.duration_ms, 2))
    return RestoreReportMembers(record.status, metrics, record.error_type, spans_members(record.spans))


def _start(record: events.Start) -> StartMembers:
    tracing = trace_context(record.tracing)
    return StartMembers(record.request_id, record.version, record.function_arn, record.tenant_id, tracing)


def _runtime_done(record: events.RuntimeDone) -> RuntimeDoneMembers:
    return RuntimeDoneMembers(
        record.request_id,
        record.status,
        RuntimeDoneMetrics(round(record.duration_ms, 3), record.produced_bytes),
        record.error_type,
        record.tenant_id,
        spans_members(record.spans),
        trace_context(record.tracing),
    )


def _report(record: events.Report) -> ReportMembers:
    return ReportMembers(
        record.request_id,
        record.status,
        report_metrics(record),
        record.error_type,
        record.tenant_id,
        spans_members(record.spans),
        trace_context(record.tracing),
    )


_TYPES = {record: str(record.__struct_config__.tag) for record in events.Record.__args__}
_MEMBERS: dict[type, Callable[[Any], Members]] = {
    events.InitStart: _init_start,
    events.InitRuntimeDone: _init_runtime_done,
    events.InitReport: _init_report,
    events.RestoreStart: _restore_start,
    events.RestoreRuntimeDone: _restore_runtime_done,
    events.RestoreReport: _restore_report,
    events.Start: _start,
    events.RuntimeDone: _runtime_done,
    events.Report: _report,
    events.ExtensionRecord: extension_members,
    events.TelemetrySubscription: subscription_members,
    events.LogsDropped: dropped_members,
}

"""The records of the older Logs API: fewer members, `platform.end` and `platform.fault` of its own, no words for some events.

Source: the Developer Guide's runtimes-logs-api page.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.phases import InitializationType
from runtime_api.telemetry import events
from runtime_api.telemetry.api.records import (
    Members,
    ReportMetrics,
    TraceContext,
    dropped_members,
    extension_members,
    report_metrics,
    subscription_members,
    trace_context,
    type_of,
)


class BilledMetrics(Members, frozen=True):
    """How long a phase took, and how much of it is billed."""

    duration_ms: float
    billed_duration_ms: int


class InitDoneMembers(Members, frozen=True):
    """How the runtime's init ended."""

    initialization_type: InitializationType
    status: str


class InitReportMembers(Members, frozen=True):
    """What an init cost."""

    initialization_type: InitializationType
    metrics: BilledMetrics


class RestoreDoneMembers(Members, frozen=True):
    """How the runtime's restore ended."""

    status: str


class RestoreReportMembers(Members, frozen=True):
    """What a restore cost."""

    metrics: BilledMetrics


class StartMembers(Members, frozen=True):
    """An invocation begins."""

    request_id: str
    version: str


class RuntimeDoneMembers(Members, frozen=True):
    """How the runtime's part of an invocation ended."""

    request_id: str
    status: str


class EndMembers(Members, frozen=True):
    """An invocation has ended."""

    request_id: str


class ReportMembers(Members, frozen=True):
    """What an invocation cost."""

    request_id: str
    metrics: ReportMetrics
    tracing: TraceContext | None = None


Described = list[tuple[str, Members | str]]


def logs_records(record: events.Record, *, with_runtime_done: bool) -> Described:
    """Type and content of what the Logs API makes of an event, in order; `with_runtime_done` is the version 2021-03-18."""
    if isinstance(record, events.RuntimeDone):
        return _runtime_done(record, with_runtime_done)
    if isinstance(record, events.RestoreRuntimeDone) and not with_runtime_done:
        return []
    members_of = _MEMBERS.get(type(record))
    return [(type_of(record), members_of(record))] if members_of is not None else []


def _runtime_done(record: events.RuntimeDone, with_runtime_done: bool) -> Described:
    described: Described = []
    if record.message is not None:
        described.append(("platform.fault", _fault(record)))
    if with_runtime_done:
        described.append((type_of(record), RuntimeDoneMembers(record.request_id, _status(record.status))))
    return [*described, ("platform.end", EndMembers(record.request_id))]


def _fault(record: events.RuntimeDone) -> str:
    error_type = "" if record.status is OutcomeKind.TIMEOUT else f"\tErrorType: {record.error_type}"
    return f"RequestId: {record.request_id} Status: {record.status.value}{error_type}"


def _status(status: OutcomeKind) -> str:
    # It knows success, failure and timeout only.
    return "failure" if status is OutcomeKind.ERROR else status.value


def _billed(duration_ms: float) -> BilledMetrics:
    return BilledMetrics(round(duration_ms, 2), ceil(duration_ms))


def _init_runtime_done(record: events.InitRuntimeDone) -> InitDoneMembers:
    return InitDoneMembers(record.initialization_type, _status(record.status))


def _init_report(record: events.InitReport) -> InitReportMembers:
    return InitReportMembers(record.initialization_type, _billed(record.duration_ms))


def _restore_start(record: events.RestoreStart) -> Members:
    return Members()


def _restore_runtime_done(record: events.RestoreRuntimeDone) -> RestoreDoneMembers:
    return RestoreDoneMembers(_status(record.status))


def _restore_report(record: events.RestoreReport) -> RestoreReportMembers:
    return RestoreReportMembers(_billed(record.duration_ms))


def _start(record: events.Start) -> StartMembers:
    return StartMembers(record.request_id, record.version)


def _report(record: events.Report) -> ReportMembers:
    return ReportMembers(record.request_id, report_metrics(record), trace_context(record.tracing))


_MEMBERS: dict[type, Callable[[Any], Members]] = {
    events.InitRuntimeDone: _init_runtime_done,
    events.InitReport: _init_report,
    events.RestoreStart: _restore_start,
    events.RestoreRuntimeDone: _restore_runtime_done,
    events.RestoreReport: _restore_report,
    events.Start: _start,
    events.Report: _report,
    events.ExtensionRecord: extension_members,
    events.LogsSubscription: subscription_members,
    events.LogsDropped: dropped_members,
}

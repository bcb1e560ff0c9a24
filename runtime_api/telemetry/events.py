"""The events a sandbox emits: what happened, and the facts of it. How each is written is `schema`'s and the logs' business.

Durations are milliseconds, moments milliseconds since the epoch, sizes MB. The tag is the type the Telemetry API gives the event.
Source: the Developer Guide's telemetry-schema-reference page.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.function.log_levels import LogLevel
from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.invoke.trace import parse_trace
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.protocol.runtime.error_cause import ErrorCause


class Span(msgspec.Struct, frozen=True, gc=False):
    """A named stretch of time within an event."""

    name: str
    start_ms: float
    duration_ms: float


class Tracing(msgspec.Struct, frozen=True, gc=False):
    """The X-Ray context of a sampled invocation.

    `value` is the header the runtime is given, so its Parent is the function's own segment; `upstream_id` is that segment's parent.
    """

    value: str
    span_id: str | None = None
    upstream_id: str | None = None


def sampled_tracing(value: str, upstream: str | None = None) -> Tracing | None:
    """The context for events; None unless the trace is sampled. `value` as the runtime gets it, `upstream` as it came in."""
    if not parse_trace(value).is_sampled:
        return None
    return Tracing(value, upstream_id=parse_trace(upstream or "").get("Parent"))


class InitStart(msgspec.Struct, frozen=True, gc=False, tag="platform.initStart"):
    """The sandbox begins its Init phase. `instance_id` is the name of its log stream."""

    function_name: str
    function_version: str
    initialization_type: InitializationType = InitializationType.ON_DEMAND
    phase: InitPhase = InitPhase.INIT
    runtime_version: str | None = None
    runtime_version_arn: str | None = None
    instance_id: str | None = None
    instance_max_memory_mb: int | None = None
    function_arn: str | None = None
    tracing: Tracing | None = None


class InitRuntimeDone(msgspec.Struct, frozen=True, gc=False, tag="platform.initRuntimeDone"):
    """The runtime is finished with its init, one way or another."""

    status: OutcomeKind
    error_type: str | None = None
    initialization_type: InitializationType = InitializationType.ON_DEMAND
    phase: InitPhase = InitPhase.INIT
    spans: tuple[Span, ...] = ()
    tracing: Tracing | None = None


class InitReport(msgspec.Struct, frozen=True, gc=False, tag="platform.initReport"):
    """The Init phase is over."""

    status: OutcomeKind
    duration_ms: float
    error_type: str | None = None
    initialization_type: InitializationType = InitializationType.ON_DEMAND
    phase: InitPhase = InitPhase.INIT
    spans: tuple[Span, ...] = ()
    tracing: Tracing | None = None


class RestoreStart(msgspec.Struct, frozen=True, gc=False, tag="platform.restoreStart"):
    """A sandbox is about to be restored from its snapshot."""

    function_name: str
    function_version: str
    runtime_version: str | None = None
    runtime_version_arn: str | None = None
    instance_id: str | None = None
    instance_max_memory_mb: int | None = None


class RestoreRuntimeDone(msgspec.Struct, frozen=True, gc=False, tag="platform.restoreRuntimeDone"):
    """The runtime is finished with its hooks after the restore."""

    status: OutcomeKind
    error_type: str | None = None
    spans: tuple[Span, ...] = ()


class RestoreReport(msgspec.Struct, frozen=True, gc=False, tag="platform.restoreReport"):
    """The Restore phase is over."""

    status: OutcomeKind
    duration_ms: float
    error_type: str | None = None
    spans: tuple[Span, ...] = ()


class Start(msgspec.Struct, frozen=True, gc=False, tag="platform.start"):
    """An event is about to be handed to the runtime. `function_arn` is for multi-concurrent sandboxes only."""

    request_id: str
    version: str
    tenant_id: str | None = None
    tracing: Tracing | None = None
    function_arn: str | None = None


class RuntimeDone(msgspec.Struct, frozen=True, gc=False, tag="platform.runtimeDone"):
    """The runtime is finished with the invocation, one way or another. `message` is the platform's own word on a failure."""

    request_id: str
    status: OutcomeKind
    duration_ms: float
    error_type: str | None = None
    message: str | None = None
    produced_bytes: int | None = None
    tenant_id: str | None = None
    spans: tuple[Span, ...] = ()
    tracing: Tracing | None = None
    cause: ErrorCause | None = None


class Report(msgspec.Struct, frozen=True, gc=False, tag="platform.report"):
    """What the invocation cost. `init_duration_ms` is there only for the first invocation of a sandbox.

    A multi-concurrent sandbox knows neither billed time nor memory of a single invocation.
    """

    request_id: str
    status: OutcomeKind
    duration_ms: float
    billed_duration_ms: int | None = None
    memory_size_mb: int | None = None
    max_memory_used_mb: int | None = None
    init_duration_ms: float | None = None
    error_type: str | None = None
    restore_duration_ms: float | None = None
    billed_restore_duration_ms: int | None = None
    tenant_id: str | None = None
    spans: tuple[Span, ...] = ()
    tracing: Tracing | None = None


class ExtensionRecord(msgspec.Struct, frozen=True, gc=False, tag="platform.extension"):
    """An extension got somewhere: `state` is Ready, or how it failed."""

    name: str
    state: str
    events: tuple[str, ...] = ()
    error_type: str | None = None


class TelemetrySubscription(msgspec.Struct, frozen=True, gc=False, tag="platform.telemetrySubscription"):
    """An extension subscribed to the Telemetry API."""

    name: str
    types: tuple[str, ...]
    state: str = "Subscribed"


class LogsSubscription(msgspec.Struct, frozen=True, gc=False, tag="platform.logsSubscription"):
    """An extension subscribed to the Logs API."""

    name: str
    types: tuple[str, ...]
    state: str = "Subscribed"


class LogsDropped(msgspec.Struct, frozen=True, gc=False, tag="platform.logsDropped"):
    """A subscriber did not get everything."""

    dropped_bytes: int
    dropped_records: int
    reason: str


class FunctionLine(msgspec.Struct, frozen=True, gc=False, tag="function"):
    """One line the function printed, with its line feed when it had one.

    From the framed log descriptor it is one log event, which may hold several lines, and brings its own moment and level.
    """

    line: bytes
    time_ms: float | None = None
    level: LogLevel | None = None


class ExtensionLine(msgspec.Struct, frozen=True, gc=False, tag="extension"):
    """One line an external extension printed."""

    name: str
    line: bytes


Record = (
    InitStart
    | InitRuntimeDone
    | InitReport
    | RestoreStart
    | RestoreRuntimeDone
    | RestoreReport
    | Start
    | RuntimeDone
    | Report
    | ExtensionRecord
    | TelemetrySubscription
    | LogsSubscription
    | LogsDropped
    | FunctionLine
    | ExtensionLine
)


class Event(msgspec.Struct, frozen=True, gc=False):
    """A record and the moment it was made, in milliseconds since the epoch."""

    time_ms: float
    record: Record

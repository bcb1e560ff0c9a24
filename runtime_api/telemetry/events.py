"""The events a sandbox emits, with the names and members of the Telemetry API's schema.

Durations are milliseconds, sizes MB, as in the schema. Source: the Developer Guide's telemetry-schema-reference page.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.invocation import OutcomeKind


class InitStart(msgspec.Struct, frozen=True, tag="platform.initStart", tag_field="type", rename="camel"):
    """The sandbox begins its Init phase."""

    function_name: str
    function_version: str
    initialization_type: str = "on-demand"
    phase: str = "init"


class InitReport(msgspec.Struct, frozen=True, tag="platform.initReport", tag_field="type", rename="camel"):
    """The Init phase is over."""

    status: OutcomeKind
    duration_ms: float
    error_type: str | None = None
    initialization_type: str = "on-demand"
    phase: str = "init"


class Start(msgspec.Struct, frozen=True, tag="platform.start", tag_field="type", rename="camel"):
    """An event is about to be handed to the runtime."""

    request_id: str
    version: str


class RuntimeDone(msgspec.Struct, frozen=True, tag="platform.runtimeDone", tag_field="type", rename="camel"):
    """The runtime is finished with the invocation, one way or another. `message` is the platform's own word on a failure."""

    request_id: str
    status: OutcomeKind
    duration_ms: float
    error_type: str | None = None
    message: str | None = None


class Report(msgspec.Struct, frozen=True, tag="platform.report", tag_field="type", rename="camel"):
    """What the invocation cost. `init_duration_ms` is there only for the first invocation of a sandbox."""

    request_id: str
    status: OutcomeKind
    duration_ms: float
    billed_duration_ms: int
    memory_size_mb: int
    max_memory_used_mb: int
    init_duration_ms: float | None = None
    error_type: str | None = None


class FunctionLine(msgspec.Struct, frozen=True, tag="function", tag_field="type"):
    """One line the function printed, with its line feed when it had one."""

    line: bytes


Record = InitStart | InitReport | Start | RuntimeDone | Report | FunctionLine


class Event(msgspec.Struct, frozen=True):
    """A record and the moment it was made, in milliseconds since the epoch."""

    time_ms: float
    record: Record

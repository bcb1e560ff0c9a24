"""What a sandbox tells the world of its life: each step as the event telemetry has for it, with its durations.

Durations are the clock's: of init from its start, of an invocation from START. Init is billed with the first invocation on demand;
with SnapStart the restore is.
Source: the Developer Guide's telemetry-schema-reference page, and snapstart-monitoring for what SnapStart bills.
"""

from __future__ import annotations

from math import ceil

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.sandbox.endpoint.extensions import Extension, Extensions
from runtime_api.sandbox.in_hand import InHand
from runtime_api.sandbox.telling.spans import extension_spans, response_spans, runtime_spans
from runtime_api.telemetry.events import (
    ExtensionRecord,
    InitReport,
    InitRuntimeDone,
    InitStart,
    Report,
    RestoreReport,
    RestoreRuntimeDone,
    RestoreStart,
    RuntimeDone,
    Start,
)
from runtime_api.telemetry.stream import Stream


class Chronicle:
    """That of one sandbox. `phase` is when its init takes place."""

    def __init__(self, function: Function, stream: Stream, clock: Clock) -> None:
        self.phase = InitPhase.INIT
        self._function = function
        self._stream = stream
        self._clock = clock
        self._kind = function.initialization_type
        # Init may be over before it began: when a program cannot be found.
        self._init_started_ms = clock.monotonic_ms()
        self._init_duration_ms: float | None = None
        self._restore_started_ms = 0.0
        self._restore_duration_ms: float | None = None

    def init_started(self) -> None:
        """The Init phase begins."""
        self._init_started_ms = self._clock.monotonic_ms()
        self._stream.publish(InitStart(self._function.name, self._function.version, self._kind, self._phase_name))

    def runtime_initialised(self, status: OutcomeKind, error_type: str | None = None) -> None:
        """The runtime is finished with its init, one way or another."""
        self._stream.publish(InitRuntimeDone(status, error_type, self._kind, self._phase_name))

    def extensions_initialised(self, extensions: Extensions) -> None:
        """How far each extension got in the Init phase."""
        for extension in extensions:
            self.extension(extension)

    def init_over(self, status: OutcomeKind, error_type: str | None = None) -> None:
        """The Init phase is over."""
        duration_ms = self._clock.monotonic_ms() - self._init_started_ms
        is_first_invocations = self.phase is InitPhase.INIT and self._kind is not InitializationType.SNAP_START
        if status is OutcomeKind.SUCCESS and is_first_invocations:
            self._init_duration_ms = duration_ms
        self._stream.publish(InitReport(status, duration_ms, error_type, self._kind, self._phase_name))

    def extension(self, extension: Extension) -> None:
        """An extension got somewhere."""
        events = tuple(sorted(event.value for event in extension.events))
        self._stream.publish(ExtensionRecord(extension.name, extension.state.value, events, extension.error_type))

    def restore_started(self) -> None:
        """The Restore phase begins."""
        self._restore_started_ms = self._clock.monotonic_ms()
        self._stream.publish(RestoreStart(self._function.name, self._function.version))

    def restore_over(self, status: OutcomeKind, error_type: str | None = None) -> None:
        """The Restore phase is over."""
        duration_ms = self._clock.monotonic_ms() - self._restore_started_ms
        if status is OutcomeKind.SUCCESS:
            self._restore_duration_ms = duration_ms
        self._stream.publish(RestoreRuntimeDone(status, error_type))
        self._stream.publish(RestoreReport(status, duration_ms, error_type))

    def started(self, current: InHand) -> None:
        """START: from here the time is the invocation's own."""
        current.started_ms, current.started_at_ms = self._clock.monotonic_ms(), self._clock.time_ms()
        invocation = current.invocation
        is_managed = self._kind is InitializationType.MANAGED_INSTANCES
        function_arn = invocation.invoked_arn if is_managed else None
        self._stream.publish(
            Start(invocation.request_id, invocation.version, invocation.tenant_id, current.tracing, function_arn)
        )

    def answered(self, current: InHand, outcome: Outcome, began_ms: float | None) -> None:
        """The runtime answered; `began_ms` is when it began to, None where the answer came in one piece."""
        current.outcome, current.began_ms, current.answered_ms = outcome, began_ms, self._clock.monotonic_ms()

    def runtime_done(self, current: InHand, outcome: Outcome) -> None:
        """The runtime is finished with the invocation, one way or another."""
        current.runtime_done_ms = now_ms = self._clock.monotonic_ms()
        has_answered = outcome is current.outcome
        has_responded = has_answered and outcome.kind is OutcomeKind.SUCCESS
        self._stream.publish(
            RuntimeDone(
                current.invocation.request_id,
                outcome.kind,
                self._duration_ms(current, outcome, now_ms),
                outcome.error_type,
                outcome.platform_message,
                current.produced_bytes() if has_responded else None,
                current.invocation.tenant_id,
                runtime_spans(current, now_ms) if has_answered else (),
                current.tracing,
                outcome.cause,
            )
        )

    def reported(
        self, current: InHand, outcome: Outcome, peak_memory_mb: int, *, with_extensions: bool = False
    ) -> None:
        """REPORT: what the invocation cost, and with the first one what came before it."""
        now_ms = self._clock.monotonic_ms()
        duration_ms = self._duration_ms(current, outcome, now_ms)
        init_ms, restore_ms = self._init_duration_ms, self._restore_duration_ms
        self._init_duration_ms = self._restore_duration_ms = None
        # Taking a snapshot up again is not billed, and takes no time here: all the rest is.
        billed_restore_ms = None if restore_ms is None else ceil(restore_ms)
        self._stream.publish(
            Report(
                current.invocation.request_id,
                outcome.kind,
                duration_ms,
                ceil(duration_ms + (init_ms or 0) + (billed_restore_ms or 0)),
                self._function.memory_mb,
                peak_memory_mb,
                init_ms,
                outcome.error_type if outcome.platform_message is not None else None,
                restore_ms,
                billed_restore_ms,
                current.invocation.tenant_id,
                extension_spans(current, now_ms) if with_extensions else (),
                current.tracing,
            )
        )

    def reported_among_others(self, current: InHand, outcome: Outcome) -> None:
        """The report of an invocation that shared its sandbox: memory and billed time are nobody's alone."""
        duration_ms = self._duration_ms(current, outcome, self._clock.monotonic_ms())
        self._stream.publish(
            Report(
                current.invocation.request_id,
                outcome.kind,
                duration_ms,
                error_type=outcome.error_type,
                spans=response_spans(current),
                tracing=current.tracing,
            )
        )

    @property
    def _phase_name(self) -> InitPhase:
        is_for_snapshot = self.phase is InitPhase.INIT and self._kind is InitializationType.SNAP_START
        return InitPhase.SNAP_START if is_for_snapshot else self.phase

    def _duration_ms(self, current: InHand, outcome: Outcome, now_ms: float) -> float:
        if outcome.kind is OutcomeKind.TIMEOUT:
            return float(self._function.timeout_ms)
        return 0.0 if current.started_ms is None else now_ms - current.started_ms

"""The spans of an invocation: how long the runtime took to begin its answer, to send it and to ask for more, and its extensions after it.

Source: the Developer Guide's telemetry-schema-reference page.
"""

from __future__ import annotations

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.sandbox.in_hand import InHand
from runtime_api.telemetry.events import Span


def response_spans(current: InHand) -> tuple[Span, ...]:
    """Those of a response; an error has none."""
    outcome, answered_ms = current.outcome, current.answered_ms
    if outcome is None or outcome.kind is not OutcomeKind.SUCCESS or answered_ms is None or current.started_ms is None:
        return ()
    latency_ms = (answered_ms if current.began_ms is None else current.began_ms) - current.started_ms
    total_ms, started_at_ms = answered_ms - current.started_ms, current.started_at_ms
    return (
        Span("responseLatency", started_at_ms, latency_ms),
        Span("responseDuration", started_at_ms + latency_ms, total_ms - latency_ms),
    )


def runtime_spans(current: InHand, done_ms: float) -> tuple[Span, ...]:
    """Those of a runtime that answered, and asked for the next event at `done_ms`."""
    if current.answered_ms is None or current.started_ms is None:
        return ()
    overhead_at_ms = current.started_at_ms + current.answered_ms - current.started_ms
    return (*response_spans(current), Span("runtimeOverhead", overhead_at_ms, done_ms - current.answered_ms))


def extension_spans(current: InHand, reported_ms: float) -> tuple[Span, ...]:
    """What extensions took after the runtime was done."""
    done_ms, started_ms = current.runtime_done_ms, current.started_ms
    if done_ms is None or started_ms is None:
        return ()
    return (Span("extensionOverhead", current.started_at_ms + done_ms - started_ms, reported_ms - done_ms),)

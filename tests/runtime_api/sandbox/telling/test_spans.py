from __future__ import annotations

from runtime_api.protocol.invocation import Outcome, OutcomeKind, reported_error
from runtime_api.sandbox.in_hand import InHand
from runtime_api.sandbox.telling.spans import extension_spans, response_spans, runtime_spans
from runtime_api.telemetry.events import Span
from tests.runtime_api.fake_runtime import invocation

ANSWER = Outcome(OutcomeKind.SUCCESS, b"1")


def current(outcome: Outcome | None, began_ms: float | None = None) -> InHand:
    """An invocation that began at 100, which was 5000 on the wall, and was answered at 130."""
    current = InHand(invocation())
    current.started_ms, current.started_at_ms = 100, 5000
    current.outcome, current.began_ms = outcome, began_ms
    current.answered_ms = 130 if outcome is not None else None
    return current


async def test_an_answer_in_one_piece() -> None:
    """All the time until it came is latency."""
    assert response_spans(current(ANSWER)) == (
        Span("responseLatency", 5000, 30),
        Span("responseDuration", 5030, 0),
    )


async def test_an_answer_in_parts() -> None:
    """The latency ends with the first of them."""
    assert response_spans(current(ANSWER, 110)) == (
        Span("responseLatency", 5000, 10),
        Span("responseDuration", 5010, 20),
    )


async def test_the_way_to_the_next_event() -> None:
    """It is overhead, after an error as well; that has no other spans."""
    overhead = Span("runtimeOverhead", 5030, 5)
    assert runtime_spans(current(ANSWER), 135) == (*response_spans(current(ANSWER)), overhead)
    assert runtime_spans(current(reported_error(b"{}", "", "Runtime.Unknown")), 135) == (overhead,)


async def test_nothing_is_known_of_what_did_not_happen() -> None:
    """No answer, no spans."""
    assert runtime_spans(current(None), 135) == ()
    assert extension_spans(current(ANSWER), 150) == ()


async def test_extensions_take_their_time() -> None:
    """From the runtime's end on."""
    one = current(ANSWER)
    one.runtime_done_ms = 135
    assert extension_spans(one, 150) == (Span("extensionOverhead", 5035, 15),)

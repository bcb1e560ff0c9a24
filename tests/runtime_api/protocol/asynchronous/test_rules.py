from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.protocol.asynchronous.event import Condition, Delivery, QueuedEvent
from runtime_api.protocol.asynchronous.rules import (
    DELIVERY_TRIES,
    Ended,
    Retry,
    after_answer,
    after_failed_delivery,
    after_refusal,
    back_off_ms,
    before_attempt,
    deliveries,
)
from runtime_api.protocol.function.event_invoke import EventInvokeConfig

EVENT = QueuedEvent(
    request_id="id-1",
    function_name="orders",
    qualifier=None,
    payload=b"{}",
    trace_id="Root=1",
    tenant_id=None,
    accepted_ms=0,
    due_ms=0,
)
DEFAULTS = EventInvokeConfig()
CONFIGS = st.builds(
    EventInvokeConfig,
    maximum_retry_attempts=st.integers(0, 2),
    maximum_event_age_ms=st.integers(60_000, 21_600_000),
)


def counted(**members: int) -> QueuedEvent:
    """The event with other counts."""
    return msgspec.structs.replace(EVENT, **members)


def lived_through(config: EventInvokeConfig, run_ms: float, fate: str) -> tuple[Ended, list[float]]:
    """What became of an event: `fate` has F for each attempt that fails, T for each throttle; and when each attempt was made."""
    event, age_ms = EVENT, 0.0
    made: list[float] = []
    for step in fate:
        over = before_attempt(event, config, age_ms, None)
        if over is not None:
            return over, made
        made.append(age_ms)
        age_ms += run_ms if step == "F" else 0
        verdict = (
            after_answer(event, config, age_ms, is_function_error=True)
            if step == "F"
            else after_refusal(event, config, age_ms)
        )
        if isinstance(verdict, Ended):
            return verdict, made
        event, age_ms = verdict.event, age_ms + verdict.delay_ms
    raise AssertionError(f"it is not over after {fate}")


def test_a_success_is_over_at_once() -> None:
    """With the one attempt counted."""
    assert after_answer(EVENT, DEFAULTS, 5, is_function_error=False) == Ended(counted(attempts=1), Condition.SUCCESS)


def test_two_retries_after_one_and_two_minutes() -> None:
    """Each counted from the end of the attempt before."""
    ended, made = lived_through(DEFAULTS, 3_000, "FFF")
    assert (ended.condition, ended.event.attempts) == (Condition.RETRIES_EXHAUSTED, 3)
    assert made == [0, 63_000, 186_000]


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3)])
def test_as_many_retries_as_are_set(retries: int, attempts: int) -> None:
    """None with 0."""
    ended, _ = lived_through(EventInvokeConfig(maximum_retry_attempts=retries), 1, "FFF")
    assert (ended.condition, ended.event.attempts) == (Condition.RETRIES_EXHAUSTED, attempts)


@pytest.mark.parametrize(("age_ms", "attempts"), [(60_000, 1), (90_000, 2), (180_001, 2), (181_000, 3)])
def test_a_retry_that_would_come_too_late_is_not_waited_for(age_ms: int, attempts: int) -> None:
    """As recorded: an age of 60 s leaves no retry, 90 s leaves one."""
    ended, _ = lived_through(EventInvokeConfig(maximum_event_age_ms=age_ms), 1, "FFF")
    expected = Condition.RETRIES_EXHAUSTED if attempts == 3 else Condition.EVENT_AGE_EXCEEDED
    assert (ended.condition, ended.event.attempts) == (expected, attempts)


def test_throttles_wait_longer_and_longer() -> None:
    """From a second to five minutes, each twice the one before."""
    delays = [back_off_ms(earlier) for earlier in range(12)]
    assert delays[:4] == [1_000, 2_000, 4_000, 8_000]
    assert delays[7:] == [128_000, 256_000, 300_000, 300_000, 300_000]
    assert back_off_ms(10**9) == 300_000


def test_throttles_use_up_no_retry() -> None:
    """An attempt that runs begins the back-off anew."""
    refused = after_refusal(counted(attempts=1, throttles=3), DEFAULTS, 0)
    assert refused == Retry(counted(attempts=1, throttles=4), 8_000)
    assert after_answer(counted(throttles=4), DEFAULTS, 0, is_function_error=True) == Retry(counted(attempts=1), 60_000)


def test_throttles_end_with_the_events_age() -> None:
    """No attempt ran, and the count says so."""
    ended, made = lived_through(EventInvokeConfig(maximum_event_age_ms=60_000), 0, "T" * 20)
    assert (ended.condition, ended.event.attempts) == (Condition.EVENT_AGE_EXCEEDED, 0)
    assert made == [0, 1_000, 3_000, 7_000, 15_000, 31_000]


def test_no_attempt_with_reserved_concurrency_zero() -> None:
    """Over at once, whatever its age."""
    assert before_attempt(EVENT, DEFAULTS, 10**9, 0) == Ended(EVENT, Condition.ZERO_RESERVED_CONCURRENCY)
    assert before_attempt(EVENT, DEFAULTS, 0, 1) is None
    assert before_attempt(EVENT, DEFAULTS, 0, None) is None


def test_an_event_that_waited_for_too_long_is_not_run() -> None:
    """As after a server was away for longer than that."""
    assert before_attempt(EVENT, DEFAULTS, 21_600_000, None) is None
    assert before_attempt(EVENT, DEFAULTS, 21_600_001, None) == Ended(EVENT, Condition.EVENT_AGE_EXCEEDED)


@given(CONFIGS, st.floats(0, 900_000), st.lists(st.sampled_from("FT"), min_size=120, max_size=120))
@settings(max_examples=50)
def test_every_event_ends(config: EventInvokeConfig, run_ms: float, fate: list[str]) -> None:
    """No attempt begins after the maximum age, no function is run more often than allowed, and the count is of those that ran."""
    ended, made = lived_through(config, run_ms, "".join(fate))
    ran = fate[: len(made)].count("F")
    assert all(age_ms <= config.maximum_event_age_ms for age_ms in made)
    assert ended.event.attempts == ran <= config.maximum_retry_attempts + 1
    assert (ended.condition is Condition.RETRIES_EXHAUSTED) == (ran == config.maximum_retry_attempts + 1)


def test_who_is_told() -> None:
    """Of a success its destination; of anything else the other one and the dead-letter target, where they are set."""
    config = EventInvokeConfig(on_success="file:good.jsonl", on_failure="file:bad.jsonl")
    bad, dead = Delivery("destination", "file:bad.jsonl"), Delivery("dead-letter", "arn")
    assert deliveries(Condition.SUCCESS, config, "arn") == (Delivery("destination", "file:good.jsonl"),)
    for condition in set(Condition) - {Condition.SUCCESS}:
        assert deliveries(condition, config, "arn") == (bad, dead)
        assert deliveries(condition, config, None) == (bad,)
        assert deliveries(condition, DEFAULTS, "arn") == (dead,)
    assert deliveries(Condition.SUCCESS, DEFAULTS, "arn") == ()


def test_a_delivery_is_tried_a_bounded_number_of_times() -> None:
    """With the same back-off as throttles."""
    delays = [after_failed_delivery(tries) for tries in range(1, DELIVERY_TRIES + 1)]
    assert delays[:3] == [1_000, 2_000, 4_000]
    assert delays.index(None) == DELIVERY_TRIES - 1

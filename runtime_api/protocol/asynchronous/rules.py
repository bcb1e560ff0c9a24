"""What becomes of an asynchronous event: when it is tried again, when it is over, and who is told.

Strategy: each rule takes the event and its age, and gives a `Retry` or an `Ended`. Ages and delays are durations, not moments, so
whoever calls decides how fast time passes. A retry that would come after the event's maximum age is not waited for: the event ends
at once. Refusals of the platform (throttles, failures of its own) use up no retry, only age.
Source: the Developer Guide's pages invocation-async-error-handling and invocation-async-configuring.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.asynchronous.event import Condition, Delivery, FinishedEvent, QueuedEvent
from runtime_api.protocol.function.event_invoke import EventInvokeConfig

FIRST_RETRY_MS = 60_000
FIRST_BACK_OFF_MS, LAST_BACK_OFF_MS = 1_000, 300_000
# Ours: how often a destination is tried before its event is kept as dead, a bit more than half an hour in all.
DELIVERY_TRIES = 12
# More doublings than any limit needs, and few enough to be a number.
_DOUBLINGS = 32


class Retry(msgspec.Struct, frozen=True):
    """It goes back to the queue, with its counts, for `delay_ms`."""

    event: QueuedEvent
    delay_ms: float


class Ended(msgspec.Struct, frozen=True):
    """It is over; `event` counts its attempts."""

    event: QueuedEvent
    condition: Condition


def before_attempt(
    event: QueuedEvent, config: EventInvokeConfig, age_ms: float, reserved_concurrency: int | None
) -> Ended | None:
    """An event is not run when its function may not run at all, or when it waited for longer than its maximum age."""
    if reserved_concurrency == 0:
        return Ended(event, Condition.ZERO_RESERVED_CONCURRENCY)
    return Ended(event, Condition.EVENT_AGE_EXCEEDED) if age_ms > config.maximum_event_age_ms else None


def after_answer(
    event: QueuedEvent, config: EventInvokeConfig, age_ms: float, *, is_function_error: bool
) -> Retry | Ended:
    """The function answered, was too late or ended: an attempt that counts."""
    event = msgspec.structs.replace(event, attempts=event.attempts + 1, throttles=0)
    if not is_function_error:
        return Ended(event, Condition.SUCCESS)
    if event.attempts > config.maximum_retry_attempts:
        return Ended(event, Condition.RETRIES_EXHAUSTED)
    return _retry_or_end(event, FIRST_RETRY_MS << event.attempts - 1, config, age_ms)


def after_refusal(event: QueuedEvent, config: EventInvokeConfig, age_ms: float) -> Retry | Ended:
    """The platform throttled it, or failed itself: no attempt of the function."""
    delay_ms = back_off_ms(event.throttles)
    return _retry_or_end(msgspec.structs.replace(event, throttles=event.throttles + 1), delay_ms, config, age_ms)


def back_off_ms(earlier: int) -> float:
    """How long to wait after a refusal that came after so many `earlier` ones."""
    return float(min(FIRST_BACK_OFF_MS << min(earlier, _DOUBLINGS), LAST_BACK_OFF_MS))


def after_failed_delivery(tries: int) -> float | None:
    """How long to wait for the next try after so many; None when there is none."""
    return back_off_ms(tries - 1) if tries < DELIVERY_TRIES else None


def delivered_anew(dead: FinishedEvent, now_ms: float) -> FinishedEvent:
    """An event nobody could be told of, to be told of again by as many tries as the first time."""
    return msgspec.structs.replace(dead, tries=0, due_ms=now_ms, failure=None)


def deliveries(condition: Condition, config: EventInvokeConfig, dead_letter_target: str | None) -> tuple[Delivery, ...]:
    """Who is told of this end: the destination for it, and of a bad one the dead-letter target too."""
    if condition is Condition.SUCCESS:
        return (Delivery("destination", config.on_success),) if config.on_success else ()
    told = (Delivery("destination", config.on_failure),) if config.on_failure else ()
    return (*told, Delivery("dead-letter", dead_letter_target)) if dead_letter_target else told


def _retry_or_end(event: QueuedEvent, delay_ms: float, config: EventInvokeConfig, age_ms: float) -> Retry | Ended:
    if age_ms + delay_ms > config.maximum_event_age_ms:
        return Ended(event, Condition.EVENT_AGE_EXCEEDED)
    return Retry(event, delay_ms)

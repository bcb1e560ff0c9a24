"""Events as the tests of stores and workers have them."""

from __future__ import annotations

import msgspec

from runtime_api.protocol.asynchronous.event import Condition, Delivery, FinishedEvent, LastAttempt, QueuedEvent

TOLD = (Delivery("destination", "bad.jsonl"), Delivery("dead-letter", "arn"))


def queued(number: int = 1, function: str = "orders", **members: object) -> QueuedEvent:
    """An event of a function; `number` is in its request id."""
    event = QueuedEvent(
        request_id=f"id-{number}",
        function_name=function,
        qualifier="live",
        payload=b'{"number":%d}' % number,
        trace_id="Root=1",
        tenant_id="blue",
        accepted_ms=1_000.5,
        due_ms=1_000.5,
    )
    return msgspec.structs.replace(event, **members)


def failed(event: QueuedEvent, deliveries: tuple[Delivery, ...] = TOLD, **members: object) -> FinishedEvent:
    """The end of an event whose function failed once."""
    finished = FinishedEvent(
        event=msgspec.structs.replace(event, attempts=1),
        condition=Condition.RETRIES_EXHAUSTED,
        finished_ms=2_000,
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:orders:live",
        last=LastAttempt(200, b'{"errorMessage":"\xc3\xa4"}', "1", True, "\xe4"),
        deliveries=deliveries,
        due_ms=2_000,
    )
    return msgspec.structs.replace(finished, **members)


def succeeded(event: QueuedEvent) -> FinishedEvent:
    """The end of an event that nobody wants to hear of."""
    return failed(event, (), condition=Condition.SUCCESS)

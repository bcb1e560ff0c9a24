"""Ends of invocations for the tests of what is told about them."""

from __future__ import annotations

from typing import Any

import msgspec

from runtime_api.protocol.asynchronous.event import Condition, FinishedEvent, LastAttempt, QueuedEvent

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders:$LATEST"
TRACE = "Root=1-65533e80-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
FINISHED_MS = 1_764_025_868_123.9
EVENT = QueuedEvent(
    request_id="00000000-0000-4000-8000-000000000001",
    function_name="orders",
    qualifier=None,
    payload=b'{"id": 1}',
    trace_id=TRACE,
    tenant_id=None,
    accepted_ms=FINISHED_MS - 10,
    due_ms=FINISHED_MS - 10,
    attempts=1,
)
ERROR = b'{"errorMessage": "no stock", "errorType": "Exception"}'


def succeeded(response: bytes = b'"done"', payload: bytes = EVENT.payload) -> FinishedEvent:
    """A function answered at its first attempt."""
    return FinishedEvent(
        event=msgspec.structs.replace(EVENT, payload=payload),
        condition=Condition.SUCCESS,
        finished_ms=FINISHED_MS,
        function_arn=ARN,
        last=LastAttempt(200, response, "$LATEST"),
    )


def failed(response: bytes = ERROR, **changed: Any) -> FinishedEvent:  # noqa: ANN401  (any member)
    """A function failed three times."""
    finished = FinishedEvent(
        event=msgspec.structs.replace(EVENT, attempts=3),
        condition=Condition.RETRIES_EXHAUSTED,
        finished_ms=FINISHED_MS,
        function_arn=ARN,
        last=LastAttempt(200, response, "$LATEST", is_function_error=True, error_message="no stock"),
    )
    return msgspec.structs.replace(finished, **changed)


def never_run() -> FinishedEvent:
    """A function that may not run at all."""
    return FinishedEvent(
        event=msgspec.structs.replace(EVENT, attempts=0),
        condition=Condition.ZERO_RESERVED_CONCURRENCY,
        finished_ms=FINISHED_MS,
        function_arn=ARN,
    )

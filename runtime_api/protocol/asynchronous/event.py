"""An asynchronous invocation on its way: as it waits in the queue, and as it ended.

Times are milliseconds since the epoch, as the wall clock has them.
Source: the Developer Guide's pages invocation-async, invocation-async-error-handling and invocation-async-retain-records.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

import msgspec

from runtime_api.protocol.function.function_name import FunctionReference


class QueuedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that was accepted. `attempts` counts those that ran, `throttles` the refusals since one ran.

    `function_name` and `qualifier` are the function as the caller addressed it; `reason` is why it is not over yet, `sequence` the
    place the store gave it.
    """

    request_id: str
    function_name: str
    qualifier: str | None
    payload: bytes
    trace_id: str
    tenant_id: str | None
    accepted_ms: float
    due_ms: float
    attempts: int = 0
    throttles: int = 0
    reason: str | None = None
    sequence: int = 0

    @property
    def reference(self) -> FunctionReference:
        """The function as the dispatcher is asked for it."""
        return FunctionReference(self.function_name, self.qualifier)


class EventState(Enum):
    """Where an event stands, by the words of `pilotlight events --state`.

    Undelivered ones are over, with somebody still to be told. A failed one ended badly and nobody was to be told; a dead one is kept
    because somebody could not be told.
    """

    QUEUED = "queued"
    RUNNING = "running"
    UNDELIVERED = "undelivered"
    DELIVERING = "delivering"
    FAILED = "failed"
    DEAD = "dead"


class Condition(Enum):
    """Why an event is over, by the words of a destination record."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
    RECURSIVE_INVOCATION = "RecursiveInvocation"


class Delivery(msgspec.Struct, frozen=True):
    """Somebody who is to be told of an event's end; `address` as it is configured."""

    kind: Literal["destination", "dead-letter"]
    address: str


class LastAttempt(msgspec.Struct, frozen=True, gc=False):
    """What the last attempt came to: the function's answer, or with `response` None the refusal of the platform.

    `status` is the HTTP status a synchronous caller would have got, `executed_version` None when nothing ran.
    """

    status: int
    response: bytes | None = None
    executed_version: str | None = None
    is_function_error: bool = False
    error_message: str | None = None


class FinishedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that is over. `function_arn` is qualified, always; `last` is None when no attempt was made.

    `deliveries` are those still to be told, `tries` how often telling them failed, `failure` why it did the last time.
    """

    event: QueuedEvent
    condition: Condition
    finished_ms: float
    function_arn: str
    last: LastAttempt | None = None
    deliveries: tuple[Delivery, ...] = ()
    tries: int = 0
    due_ms: float = 0
    failure: str | None = None

    @property
    def count(self) -> int:
        """How many attempts ran: `approximateInvokeCount`."""
        return self.event.attempts

    @property
    def reason(self) -> str | None:
        """Why it is not forgotten: what was in the way of its last delivery, else of its last attempt."""
        return self.failure or (self.last.error_message if self.last else self.event.reason)

    @property
    def succeeded(self) -> bool:
        """Whether it goes to the destination for successes."""
        return self.condition is Condition.SUCCESS

"""Mutants of CTX."""

import os
import sys
from time import time

from .reference import Handler, Response, Runtime, mutant

TRACE = "lambda-runtime-trace-id"


@mutant("RT-CTX-001")
class LowersId(Runtime):
    """It takes every request id for a UUID."""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        context.aws_request_id = context.aws_request_id.lower()
        return context


@mutant("RT-CTX-002")
class StopsClock(Runtime):
    """It looks at the clock once."""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        remaining = context.get_remaining_time_in_millis()
        context.get_remaining_time_in_millis = lambda: remaining
        return context


@mutant("RT-CTX-002")
class KeepsFirstDeadline(Runtime):
    """It takes the deadline of the first event for that of all."""

    deadline = ""

    def context(self, headers: dict[str, str]) -> object:
        self.deadline = self.deadline or headers.get("lambda-runtime-deadline-ms", "")
        return super().context(headers | {"lambda-runtime-deadline-ms": self.deadline})


@mutant("RT-CTX-003")
class GoesBelowZero(Runtime):
    """It tells how long ago the deadline was."""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        context.get_remaining_time_in_millis = lambda: round(context.deadline_ms - time() * 1000)
        return context


@mutant("RT-CTX-004")
class KeepsFirstArn(Runtime):
    """It takes the ARN for the function's, not the event's."""

    arn = ""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        self.arn = context.invoked_function_arn = self.arn or context.invoked_function_arn
        return context


@mutant("RT-CTX-005")
class MisnamesTrace(Runtime):
    """It sets another variable."""

    def set_trace(self, trace_id: str) -> None:
        os.environ["X_AMZN_TRACE_ID"] = trace_id


@mutant("RT-CTX-006")
class KeepsTrace(Runtime):
    """It leaves the trace of the event before."""

    def set_trace(self, trace_id: str) -> None:
        if trace_id:
            super().set_trace(trace_id)


@mutant("RT-CTX-007")
class LeavesItEncoded(Runtime):
    """It knows of no client context."""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        context.client_context = None
        return context


@mutant("RT-CTX-008")
class OverlooksBadContext(Runtime):
    """A client context it cannot read is none."""

    def context(self, headers: dict[str, str]) -> object:
        try:
            return super().context(headers)
        except ValueError:
            return super().context(headers | {"lambda-runtime-client-context": "null"})


@mutant("RT-CTX-009")
class FixedMemory(Runtime):
    """It knows how much memory there is."""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        context.memory_limit_in_mb = "128"
        return context


@mutant("RT-CTX-010")
class ChokesOnUnknown(Runtime):
    """A header it does not know ends it."""

    def poll(self) -> Response:
        event = super().poll()
        return sys.exit("unknown header") if "x-future" in event.headers else event


@mutant("RT-CTX-011")
class NeedsTrace(Runtime):
    """It fails an event without a trace."""

    def set_trace(self, trace_id: str) -> None:
        if not trace_id:
            raise KeyError(TRACE)
        super().set_trace(trace_id)


@mutant("RT-CTX-012")
class NeedsDeadline(Runtime):
    """An event without a deadline ends it."""

    def context(self, headers: dict[str, str]) -> object:
        return super().context(headers) if "lambda-runtime-deadline-ms" in headers else sys.exit("no deadline")


@mutant("RT-CTX-013")
class InventsId(Runtime):
    """It gives an event without an id one."""

    def serve(self, handler: Handler) -> None:
        event = self.poll()
        event.headers.setdefault("lambda-runtime-aws-request-id", "undefined")
        self.invoke(handler, event)


@mutant("RT-CTX-014")
class KnowsNoTenant(Runtime):
    """It leaves the tenant out."""

    def context(self, headers: dict[str, str]) -> object:
        context = super().context(headers)
        context.tenant_id = None
        return context


@mutant("RT-CTX-015")
class EchoesWithResultsOnly(Runtime):
    """It gives the invocation id back with results, not with errors."""

    def post_error(self, event: Response, error: Exception) -> None:
        event.headers.pop("lambda-runtime-invocation-id", None)
        super().post_error(event, error)

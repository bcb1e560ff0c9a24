"""Mutants of SV-ERR, SV-INIT, SV-TIME, SV-HTTP and SV-INVK."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from .server_reference import (
    OK,
    UNHANDLED,
    Invocation,
    Reply,
    Request,
    Sandbox,
    Server,
    exception,
    is_json,
    mutant,
    refused,
    reshaped,
)


def _without_its_body(reply: Reply) -> Reply:
    return replace(reply, body=b"{}") if reply.header(UNHANDLED[0]) else reply


reshaped("SV-ERR-001", "invoke", _without_its_body)
reshaped("SV-ERR-002", "invoke", lambda reply: reply.without(UNHANDLED[0]))
reshaped(
    "SV-INIT-001", "runtime/init/error", lambda reply: replace(reply, status=200) if reply.status == 202 else reply
)
reshaped("SV-HTTP-001", "method", lambda reply: Reply(404))
reshaped("SV-HTTP-002", "unknown path", lambda reply: Reply(200))
reshaped("SV-INVK-002", "dry run", lambda reply: Reply(200))
reshaped("SV-INVK-003", "unknown function", lambda reply: exception(400, "InvalidParameterValueException"))
reshaped("SV-INVK-004", "no json", lambda reply: exception(500, "ServiceException"))
reshaped("SV-INVK-005", "invoke", lambda reply: reply.without("X-Amz-Log-Result"))
reshaped("SV-INVK-006", "invoke", lambda reply: reply.without("x-amzn-RequestId"))
reshaped("SV-INVK-007", "invoke", lambda reply: reply.without("X-Amz-Executed-Version"))


@mutant("SV-ERR-003")
class WantsJson(Sandbox):
    """It refuses an error that is no JSON."""

    def fail(self, id: str, request: Request) -> Reply:  # noqa: A002
        reply = super().fail(id, request)
        return reply if is_json(request.body) else refused(400, "InvalidRequestFormat")


@mutant("SV-ERR-004")
class WantsNiceTypes(Sandbox):
    """It refuses an error whose type it does not like."""

    def fail(self, id: str, request: Request) -> Reply:  # noqa: A002
        reply = super().fail(id, request)
        return (
            refused(400, "InvalidErrorType")
            if " " in request.headers.get("lambda-runtime-function-error-type", "")
            else reply
        )


@mutant("SV-INIT-001")
class HangsUpOnReason(Sandbox):
    """It takes no error of initialisation, and leaves the sandbox as it is."""

    def init_fail(self, request: Request) -> Reply:
        raise ConnectionResetError


@mutant("SV-INIT-002")
class TakesItTwice(Sandbox):
    """It accepts a second error of initialisation."""

    def init_fail(self, request: Request) -> Reply:
        return OK if self.init_error is not None else super().init_fail(request)


@mutant("SV-INIT-003")
class TakesItLate(Sandbox):
    """It accepts an error of initialisation after the first poll."""

    def init_fail(self, request: Request) -> Reply:
        return OK if self.has_polled else super().init_fail(request)


@mutant("SV-INIT-004")
class LetsItPoll(Sandbox):
    """A runtime that failed may poll, for ever."""

    async def next(self, request: Request) -> Reply:
        if self.init_error is not None:
            return await self.parked(asyncio.get_running_loop().create_future(), request)
        return await super().next(request)


@mutant("SV-INIT-005")
class HidesReason(Sandbox):
    """The caller is told in other words."""

    def surfaced(self, reply: Reply) -> Reply:
        return self.error_of("Runtime.InitError", "the runtime could not start")


@mutant("SV-INIT-006")
class HidesStatus(Sandbox):
    """The caller is not told how the runtime ended."""

    def exited(self, invocation: Invocation, status: int) -> None:
        invocation.settle(self.error_of("Runtime.ExitError", "Error: Runtime exited without providing a reason"))


@mutant("SV-TIME-001")
class CallsItResult(Sandbox):
    """A timeout is not marked as an error."""

    def error_of(self, error_type: str, message: str) -> Reply:
        return super().error_of(error_type, message).without(UNHANDLED[0])


@mutant("SV-TIME-002")
class TakesLateAnswers(Sandbox):
    """A runtime that was too late lives on, and its answer is accepted."""

    late = ""

    def time_out(self, invocation: Invocation) -> None:
        if not invocation.outcome.done():
            self.late = invocation.id
            invocation.settle(self.error_of("Sandbox.Timedout", "too late"))

    def complaint(self, id: str, headers: dict[str, str]) -> Reply | None:  # noqa: A002
        return OK if id == self.late else super().complaint(id, headers)


@mutant("SV-HTTP-003")
class ClosesConnections(Sandbox):
    """It closes a connection after fifty polls."""

    count = 0

    async def next(self, request: Request) -> Reply:
        self.count += 1
        if self.count == 50:
            raise ConnectionResetError
        return await super().next(request)


@mutant("SV-HTTP-004")
class StallsOnExpect(Server):
    """It does not know what to do with an expectation."""

    async def expected(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2.0)


@mutant("SV-HTTP-005")
class Dawdles(Sandbox):
    """Every poll costs 45 ms."""

    async def next(self, request: Request) -> Reply:
        await asyncio.sleep(0.045)
        return await super().next(request)


@mutant("SV-INVK-001")
class DropsSecondCaller(Server):
    """It drops the connection of whoever comes while it is busy."""

    def is_full(self) -> bool:
        if any(sandbox.current is not None for sandbox in self.sandboxes):
            raise ConnectionResetError
        return False

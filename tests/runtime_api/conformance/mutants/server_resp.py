"""Mutants of SV-RESP."""

from __future__ import annotations

from dataclasses import replace

from runtime_api.conformance.server_stage.runtime import NOBODY

from .server_reference import OK, Invocation, Reply, Request, Sandbox, mutant, refused, reshaped

reshaped("SV-RESP-001", "response", lambda reply: replace(reply, body=b"OK") if reply.status == 202 else reply)
reshaped("SV-RESP-002", "invoke", lambda reply: replace(reply, body=reply.body.strip()))


@mutant("SV-RESP-003")
class CallsItUnknownPath(Sandbox):
    """An id that does not exist is a path that does not exist."""

    def complaint(self, id: str, headers: dict[str, str]) -> Reply | None:  # noqa: A002
        return refused(404, "InvalidRequestID") if id == NOBODY and self.has_polled else super().complaint(id, headers)


@mutant("SV-RESP-004")
class TakesEarlyAnswers(Sandbox):
    """It accepts whatever comes before the first poll."""

    def complaint(self, id: str, headers: dict[str, str]) -> Reply | None:  # noqa: A002
        return super().complaint(id, headers) if self.has_polled else OK


@mutant("SV-RESP-005")
class TakesSecondAnswers(Sandbox):
    """It accepts a second result."""

    async def respond(self, id: str, request: Request) -> Reply:  # noqa: A002
        reply = await super().respond(id, request)
        return OK if self.current is None and id in self.answered else reply


@mutant("SV-RESP-006")
class TakesErrorsAfterwards(Sandbox):
    """It accepts an error after a result."""

    def fail(self, id: str, request: Request) -> Reply:  # noqa: A002
        return OK if self.current is None and id in self.answered else super().fail(id, request)


@mutant("SV-RESP-007")
class TakesStaleAnswers(Sandbox):
    """It accepts a result for the invocation before."""

    def complaint(self, id: str, headers: dict[str, str]) -> Reply | None:  # noqa: A002
        is_stale = self.current is not None and self.current.id != id and id in self.answered
        return OK if is_stale else super().complaint(id, headers)


@mutant("SV-RESP-008")
class CallsItBad(Sandbox):
    """A result that is too large is a bad one."""

    def take(self, invocation: Invocation, body: bytes, request: Request) -> Reply:
        reply = super().take(invocation, body, request)
        return refused(400, "RequestEntityTooLarge") if reply.status == 413 else reply


@mutant("SV-RESP-009")
class HasLowerLimit(Sandbox):
    """Its limit is too low."""

    def take(self, invocation: Invocation, body: bytes, request: Request) -> Reply:
        return (
            super().take(invocation, body + bytes(101), request)
            if len(body) > 6_000_000
            else super().take(invocation, body, request)
        )


@mutant("SV-RESP-010")
class DeliversHalf(Sandbox):
    """Half a result is good enough."""

    def truncated(self, invocation: Invocation, body: bytes) -> Reply:
        self.settle(invocation, Reply(200, body))
        return refused(400, "TruncatedHTTPRequest")


@mutant("SV-RESP-011")
class NamesItOtherwise(Sandbox):
    """It has a name of its own for a mode that does not exist."""

    def odd_mode(self) -> Reply:
        return refused(400, "BadMode")


@mutant("SV-RESP-012")
class GetsStuck(Sandbox):
    """After a mode that does not exist it refuses every poll."""

    is_stuck = False

    def odd_mode(self) -> Reply:
        self.is_stuck = True
        return super().odd_mode()

    async def next(self, request: Request) -> Reply:
        return refused(403, "InvalidStateTransition") if self.is_stuck else await super().next(request)


@mutant("SV-RESP-013")
class IgnoresChunks(Sandbox):
    """It sees nothing in a body without a length."""

    def take(self, invocation: Invocation, body: bytes, request: Request) -> Reply:
        return super().take(invocation, b"" if "transfer-encoding" in request.headers else body, request)

"""Mutants of SV-CONC and SV-ASYN."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

from .server_reference import OK, Invocation, Reply, Sandbox, Server, mutant, reshaped

_CROSSED = {b'"0"': b'"1"', b'"1"': b'"0"'}

reshaped("SV-CONC-002", "invoke", lambda reply: replace(reply, body=_CROSSED.get(reply.body, reply.body)))
reshaped("SV-CONC-008", "throttled", lambda reply: reply.having("x-amzn-ErrorType", "ThrottlingException"))
reshaped("SV-ASYN-001", "event", lambda reply: replace(reply, status=200))
reshaped("SV-ASYN-002", "event", lambda reply: replace(reply, body=b"null"))
reshaped("SV-ASYN-004", "event", lambda reply: reply.having("x-amzn-RequestId", str(uuid.uuid4())))
reshaped("SV-ASYN-006", "invoke", lambda reply: replace(reply, body=b'"nobody reads this"'))
reshaped("SV-ASYN-007", "event no json", lambda reply: Reply(202))
reshaped("SV-ASYN-008", "event too large", lambda reply: Reply(202))


@mutant("SV-CONC-001")
class OneAtATime(Server):
    """It runs one invocation, and tells other callers so."""

    def is_full(self) -> bool:
        return any(sandbox.current is not None for sandbox in self.sandboxes)


@mutant("SV-CONC-003")
class TakesAnyId(Sandbox):
    """It accepts an answer for whatever is going on anywhere."""

    def complaint(self, id: str, headers: dict[str, str]) -> Reply | None:  # noqa: A002
        others = [one.current.id for one in self.server.sandboxes if one is not self and one.current is not None]
        return OK if id in others else super().complaint(id, headers)


@mutant("SV-CONC-004")
class StartsAnew(Server):
    """Every call gets a new sandbox."""

    def pick(self) -> Sandbox:
        return self.new_sandbox()


@mutant("SV-CONC-005")
class SharesLogStream(Sandbox):
    """All sandboxes have one log stream."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.stream_name = "2026/11/21/[$LATEST]0"


@mutant("SV-CONC-006")
class FailsTogether(Sandbox):
    """When one runtime ends, every invocation does."""

    def exited(self, invocation: Invocation, status: int) -> None:
        super().exited(invocation, status)
        for other in self.server.sandboxes:
            if other is not self and other.current is not None:
                Sandbox.exited(other, other.current, status)


@mutant("SV-CONC-007")
class KnowsNoLimit(Server):
    """It runs as many as come."""

    def is_full(self) -> bool:
        return False


@mutant("SV-CONC-009")
class StaysFull(Server):
    """Once it was full it stays so."""

    was_full = False

    def is_full(self) -> bool:
        self.was_full = self.was_full or super().is_full()
        return self.was_full


@mutant("SV-ASYN-003")
class ReserialisesEvents(Server):
    """An event is not delivered as it was sent."""

    def event_body(self, body: bytes) -> bytes:
        return json.dumps(json.loads(body)).encode()


@mutant("SV-ASYN-005")
class InvokesTwice(Server):
    """It tries again whatever came of it."""

    def is_done(self, reply: Reply) -> bool:
        return False


@mutant("SV-ASYN-009")
class NeverRetries(Server):
    """One attempt is all."""

    retries = 0


@mutant("SV-ASYN-010")
class RenamesAttempts(Server):
    """Every attempt has an id of its own."""

    def event_id(self, id: str) -> str:  # noqa: A002
        return str(uuid.uuid4())


@mutant("SV-ASYN-011")
class NeverGivesUp(Server):
    """It goes on trying."""

    retries = 5


@mutant("SV-CONC-006")
class HidesEnd(Sandbox):
    """The caller of a runtime that ended is answered as if all were well."""

    def exited(self, invocation: Invocation, status: int) -> None:
        invocation.settle(Reply(200, b"null"))

"""Mutants of SV-NEXT."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace

from .server_reference import ARN, Invocation, Reply, Request, Sandbox, Server, mutant, refused, reshaped

_NEXT = "runtime/invocation/next"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_CONTEXT = "Lambda-Runtime-Client-Context"


def _reserialised(reply: Reply) -> Reply:
    return replace(reply, body=json.dumps(json.loads(reply.body)).encode())


reshaped("SV-NEXT-001", _NEXT, lambda reply: reply.without("Lambda-Runtime-Invoked-Function-Arn"))
reshaped("SV-NEXT-003", _NEXT, lambda reply: reply.having(_DEADLINE, reply.header(_DEADLINE)[:-3]))
reshaped("SV-NEXT-004", _NEXT, lambda reply: reply.having("Lambda-Runtime-Invoked-Function-Arn", f"{ARN}another"))
reshaped("SV-NEXT-005", _NEXT, lambda reply: reply.without("Lambda-Runtime-Trace-Id"))
reshaped(
    "SV-NEXT-006",
    _NEXT,
    lambda reply: reply.having(_CONTEXT, base64.b64encode(reply.header(_CONTEXT).encode("latin-1")).decode()),
)
reshaped("SV-NEXT-007", _NEXT, lambda reply: reply.having("Lambda-Runtime-Cognito-Identity", ""))
reshaped("SV-NEXT-008", _NEXT, _reserialised)
reshaped("SV-NEXT-009", _NEXT, lambda reply: reply.having("Content-Type", "text/plain"))
reshaped("SV-NEXT-013", _NEXT, lambda reply: reply.without("Lambda-Runtime-Aws-Tenant-Id"))


@mutant("SV-NEXT-002")
class SameId(Server):
    """Every invocation has the same id."""

    def new_id(self) -> str:
        return "11111111-0000-4000-8000-000000000000"


@mutant("SV-NEXT-014")
class SameAttempt(Sandbox):
    """Every attempt has the same id."""

    def event(self, invocation: Invocation) -> Reply:
        invocation.attempt_id = "33333333-0000-4000-8000-000000000000"
        return super().event(invocation)


@mutant("SV-NEXT-010")
class AnswersIdlePolls(Sandbox):
    """A poll that waits for long is answered without an event."""

    async def parked(self, poll: asyncio.Future[Reply], request: Request) -> Reply:
        done, _ = await asyncio.wait([poll], timeout=0.1)
        return poll.result() if done else Reply(204)


@mutant("SV-NEXT-011")
class ForbidsRepeats(Sandbox):
    """A second poll is a fault of the server."""

    def again(self, invocation: Invocation) -> Reply:
        return refused(500, "InternalServerError")


@mutant("SV-NEXT-012")
class TrustsConnections(Sandbox):
    """An event goes to the poll that came first, whether anybody is there or not."""

    def lost(self, poll: asyncio.Future[Reply]) -> None:
        pass

    async def next(self, request: Request) -> Reply:
        if self.current is not None and self.current.is_handed:
            return await self.parked(asyncio.get_running_loop().create_future(), request)
        return await super().next(request)

"""Mutants of SV-EXT."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from .server_reference import (
    JSON,
    OK,
    Extension,
    Reply,
    Request,
    Sandbox,
    mutant,
    refused,
    reshaped,
)

_REGISTER = "extension/register"
_NEXT = "extension/event/next"


def _changed(reply: Reply, **members: object) -> Reply:
    value = {**json.loads(reply.body), **members}
    return replace(reply, body=json.dumps({name: one for name, one in value.items() if one is not None}).encode())


def _event_with(**members: object) -> Callable[[Reply], Reply]:
    return lambda reply: _changed(reply, **members) if reply.status == 200 else reply


reshaped("SV-EXT-001", _REGISTER, lambda reply: replace(reply, status=201))
reshaped("SV-EXT-002", _REGISTER, lambda reply: _changed(reply, functionVersion=None))
reshaped("SV-EXT-003", _REGISTER, lambda reply: _changed(reply, accountId=None))
reshaped("SV-EXT-005", _NEXT, _event_with(eventType="INVOCATION"))
reshaped("SV-EXT-006", _NEXT, _event_with(requestId="22222222-0000-4000-8000-000000000000"))
reshaped("SV-EXT-007", _NEXT, lambda reply: reply.without("Lambda-Extension-Event-Identifier"))
reshaped("SV-EXT-008", _NEXT, _event_with(tracing=None))
reshaped("SV-EXT-019", "extension/init/error", lambda reply: Reply(500) if reply.status == 202 else reply)
reshaped("SV-EXT-020", "extension/init/error", lambda reply: OK)


@mutant("SV-EXT-004")
class StartsEarly(Sandbox):
    """The first event does not wait for extensions."""

    @property
    def is_ready(self) -> bool:
        return super().is_ready if self.answered else self.poll is not None


@mutant("SV-EXT-009")
class GoesOnEarly(Sandbox):
    """No event but the first waits for extensions."""

    @property
    def is_ready(self) -> bool:
        return self.poll is not None if self.answered else super().is_ready


def lenient(case_id: str, error_type: str, about: bytes = b"") -> None:
    """Make the server that says yes to one kind of registration it ought to refuse the one that fails a case."""

    class Lenient(Sandbox):
        def register(self, request: Request) -> Reply:
            reply = super().register(request)
            is_it = reply.status == 403 and json.loads(reply.body)["errorType"] == error_type and about in request.body
            return Reply(200, b"{}", (*JSON, ("Lambda-Extension-Identifier", "x"))) if is_it else reply

    mutant(case_id)(Lenient)


lenient("SV-EXT-010", "Extension.RegistrationClosed")
lenient("SV-EXT-011", "Extension.InvalidExtensionName")
lenient("SV-EXT-012", "InvalidRequestFormat")
lenient("SV-EXT-013", "Extension.InvalidEventType", b"NOTHING")
lenient("SV-EXT-014", "Extension.InvalidEventType", b"SHUTDOWN")
lenient("SV-EXT-015", "Extension.InvalidExtensionState")
lenient("SV-EXT-018", "Extension.TooManyExtensions")


@mutant("SV-EXT-016")
class NeedsNoIdentifier(Sandbox):
    """A poll of nobody is a fault of the server."""

    def who(self, request: Request) -> Extension | Reply:
        named = "lambda-extension-identifier" in request.headers
        return super().who(request) if named else refused(500, "InternalServerError")


@mutant("SV-EXT-017")
class KnowsEverybody(Sandbox):
    """A poll under an identifier that nobody has is answered."""

    def who(self, request: Request) -> Extension | Reply:
        one = super().who(request)
        unknown = isinstance(one, Reply) and b"UnknownExtensionIdentifier" in one.body
        return Reply(200, b"{}") if unknown else one

"""Mutants of SV-TEL."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from .server_reference import Invocation, Reply, Request, Sandbox, mutant, reshaped


def _silent_on(case_id: str, unsaid: str) -> None:
    """Make the server that never tells of one kind of event the one that fails a case."""

    class Silent(Sandbox):
        def emit(self, kind: str, record: Any) -> None:  # noqa: ANN401
            if kind != unsaid:
                super().emit(kind, record)

    mutant(case_id)(Silent)


def _says_yes_for(case_id: str, error_type: bytes) -> None:
    """Make the server that accepts one kind of subscription it ought to refuse the one that fails a case."""

    class Lenient(Sandbox):
        def subscribe(self, request: Request) -> Reply:
            reply = super().subscribe(request)
            return Reply(200, b'"OK"') if error_type in reply.body else reply

    mutant(case_id)(Lenient)


reshaped("SV-TEL-001", "telemetry", lambda reply: replace(reply, status=500) if reply.status == 200 else reply)
_silent_on("SV-TEL-004", "platform.report")
_silent_on("SV-TEL-008", "function")
_silent_on("SV-TEL-009", "platform.initStart")
_silent_on("SV-TEL-010", "platform.telemetrySubscription")
_says_yes_for("SV-TEL-012", b"SubscriptionClosed")
_says_yes_for("SV-TEL-013", b"UnknownExtensionIdentifier")
_says_yes_for("SV-TEL-014", b"ValidationError")


@mutant("SV-TEL-002")
class SendsObjects(Sandbox):
    """A delivery is one event, not an array."""

    def batch(self, event: dict[str, Any]) -> bytes:
        return json.dumps(event).encode()


@mutant("SV-TEL-003")
class TellsSeconds(Sandbox):
    """Times are seconds since 1970."""

    def now(self) -> str:
        return "1795276347"


@mutant("SV-TEL-005")
class ReportsFirst(Sandbox):
    """The report comes before the end."""

    def report(self, invocation: Invocation, status: str) -> None:
        held = []
        emit, self.emit = self.emit, lambda kind, record: held.append((kind, record))  # type: ignore[method-assign]
        super().report(invocation, status)
        del self.emit
        for kind, record in reversed(held):
            emit(kind, record)


@mutant("SV-TEL-006")
class AlwaysSucceeds(Sandbox):
    """Every invocation has gone well."""

    def report(self, invocation: Invocation, status: str) -> None:
        super().report(invocation, "success")


@mutant("SV-TEL-007")
class MeasuresLess(Sandbox):
    """It does not tell the memory that was used."""

    def emit(self, kind: str, record: Any) -> None:  # noqa: ANN401
        if kind == "platform.report":
            del record["metrics"]["maxMemoryUsedMB"]
        super().emit(kind, record)


@mutant("SV-TEL-011")
class TellsEverything(Sandbox):
    """A subscriber gets all there is."""

    def is_wanted(self, event: dict[str, Any], types: list[str]) -> bool:
        return True

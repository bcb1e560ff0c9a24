"""Events as the scripted Runtime API hands them out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runtime_api.conformance.messages import Reply
from runtime_api.protocol.names import (
    CONTENT_TYPE_JSON,
    HEADER_DEADLINE_MS,
    HEADER_FUNCTION_ARN,
    HEADER_REQUEST_ID,
)

_AS_USUAL = Reply()
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:conformance"
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"


@dataclass(frozen=True)
class Event:
    """One event. `headers` add to the usual ones, replace them, or with None leave them out; `delivery` says how it is sent.

    `deadline_in_ms` counts from the moment of delivery. An empty `request_id` is filled in by the stage.
    """

    payload: bytes
    request_id: str = ""
    deadline_in_ms: float = 60_000.0
    headers: tuple[tuple[str, str | None], ...] = ()
    delivery: Reply = _AS_USUAL

    def reply(self, epoch_ms: float) -> Reply:
        """The answer to the poll that gets it, at this time."""
        fields: dict[str, str | None] = {
            "Content-Type": CONTENT_TYPE_JSON,
            HEADER_REQUEST_ID: self.request_id,
            HEADER_DEADLINE_MS: str(round(epoch_ms + self.deadline_in_ms)),
            HEADER_FUNCTION_ARN: FUNCTION_ARN,
        }
        for name, value in self.headers:
            usual = next((known for known in fields if known.lower() == name.lower()), None)
            fields.pop(usual or name, None)
            fields[name] = value
        present = tuple((name, value) for name, value in fields.items() if value is not None)
        return replace(self.delivery, headers=present + self.delivery.headers, body=self.payload)


def event(
    value: object = None,
    *,
    raw: bytes | None = None,
    request_id: str = "",
    deadline_in_ms: float = 60_000.0,
    headers: Mapping[str, str | None] | None = None,
    delivery: Reply = _AS_USUAL,
) -> Event:
    """An event of a value, sent as JSON, or of raw bytes; the rest as in Event."""
    payload = json.dumps(value, ensure_ascii=False).encode() if raw is None else raw
    return Event(payload, request_id, deadline_in_ms, tuple((headers or {}).items()), delivery)


def op(name: str, **arguments: object) -> Event:
    """An event that asks `conf.main` for one of its operations."""
    return event({"op": name, **arguments})

"""The record a destination gets, member by member in the service's order.

Payloads go into it as the bytes they are; a response that is not JSON goes into it as a string. Its time is that of the invocation's
end, so a record that is sent again is the same, byte for byte.
Source: the Developer Guide's page invocation-async-retain-records.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.asynchronous.event import FinishedEvent, LastAttempt
from runtime_api.protocol.invoke.errors import InvalidRequestContent
from runtime_api.protocol.invoke.payload import checked_payload
from runtime_api.protocol.timestamps import iso_time

RECORD_BEGINNING = b'{"version":"1.0","timestamp":"'
_encode = msgspec.json.Encoder().encode


class _RequestContext(msgspec.Struct, frozen=True, rename="camel"):
    request_id: str
    function_arn: str
    condition: str
    approximate_invoke_count: int


class _ResponseContext(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    status_code: int
    executed_version: str | None
    function_error: str | None = None


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    version: str
    timestamp: str
    request_context: _RequestContext
    request_payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    response_context: _ResponseContext | msgspec.UnsetType = msgspec.UNSET
    response_payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def destination_record(finished: FinishedEvent, *, with_payloads: bool = True) -> bytes:
    """The record as JSON. What never ran has no response in it."""
    event, last = finished.event, finished.last
    record = _Record(
        version="1.0",
        timestamp=iso_time(finished.finished_ms),
        request_context=_RequestContext(
            event.request_id, finished.function_arn, finished.condition.value, finished.count
        ),
        request_payload=msgspec.Raw(event.payload) if with_payloads else msgspec.UNSET,
    )
    if last is not None and last.response is not None:
        payload = msgspec.Raw(as_json(last.response)) if with_payloads else msgspec.UNSET
        record = msgspec.structs.replace(record, response_context=_context(last), response_payload=payload)
    return _encode(record)


def as_json(response: bytes) -> bytes:
    """A response as a part of JSON: `null` for none, and a string for what is not JSON itself."""
    if not response:
        return b"null"
    try:
        return checked_payload(response)
    except InvalidRequestContent:
        return _encode(response.decode(errors="replace"))


def _context(last: LastAttempt) -> _ResponseContext:
    return _ResponseContext(last.status, last.executed_version, "Unhandled" if last.is_function_error else None)

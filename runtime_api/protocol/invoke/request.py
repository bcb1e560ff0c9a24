"""From the headers of an Invoke call to what they mean.

Source: the request parameters of Invoke in the Lambda API reference.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping

import msgspec

from runtime_api.protocol import names
from runtime_api.protocol.invoke.errors import InvalidParameterValue, InvalidRequestContent, ValidationFailed
from runtime_api.protocol.limits import CLIENT_CONTEXT_LIMIT_BYTES

# Looked up in lower case: mappings that mind the case hold them so, others do not care.
_INVOCATION_TYPE = names.HEADER_INVOCATION_TYPE.lower()
_LOG_TYPE = names.HEADER_LOG_TYPE.lower()
_DURABLE_NAME = names.HEADER_DURABLE_NAME.lower()
_TRACE_ID = names.HEADER_CALLER_TRACE_ID.lower()
_CLIENT_CONTEXT = names.HEADER_CALLER_CLIENT_CONTEXT.lower()
_TENANT_ID = names.HEADER_CALLER_TENANT_ID.lower()

_TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
_TRACE = re.compile(r"[\x21-\x7e]{1,1024}")
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


INVOKE_TYPES = ("Event", "RequestResponse", "DryRun")
STREAM_TYPES = ("RequestResponse", "DryRun")


class InvokeOptions(msgspec.Struct, frozen=True):
    """What the headers ask for. `client_context` is JSON on one line; `trace_id` is None when the caller sent none that can be used."""

    dry_run: bool
    is_asynchronous: bool
    wants_log_tail: bool
    client_context: str | None
    tenant_id: str | None
    trace_id: str | None


def read_options(headers: Mapping[str, str], types: tuple[str, ...] = INVOKE_TYPES) -> InvokeOptions:
    """Read the headers, whose names are lower case; raises InvokeError for what the service refuses.

    `types` are the invocation types the operation has.
    """
    kind = _one_of(headers, _INVOCATION_TYPE, "invocationType", types)
    log_type = _one_of(headers, _LOG_TYPE, "logType", ("None", "Tail"))
    if _DURABLE_NAME in headers:
        raise InvalidParameterValue("Durable executions are not configured for this function.")
    return InvokeOptions(
        dry_run=kind == "DryRun",
        is_asynchronous=kind == "Event",
        wants_log_tail=log_type == "Tail",
        client_context=_client_context(headers.get(_CLIENT_CONTEXT, "")),
        tenant_id=_tenant(headers.get(_TENANT_ID)),
        trace_id=read_trace_id(headers),
    )


def read_trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace header as it was sent; None when there is none that can be passed on."""
    trace_id = headers.get(_TRACE_ID, "")
    return trace_id if _TRACE.fullmatch(trace_id) else None


def _one_of(headers: Mapping[str, str], header: str, member: str, values: tuple[str, ...]) -> str | None:
    value = headers.get(header)
    if value and value not in values:
        raise ValidationFailed(value, member, f"Member must satisfy enum value set: [{', '.join(values)}]")
    return value


def _client_context(encoded: str) -> str | None:
    if not encoded:
        return None
    if len(encoded) > CLIENT_CONTEXT_LIMIT_BYTES:
        raise InvalidRequestContent(
            f"Client context must be no more than {CLIENT_CONTEXT_LIMIT_BYTES} bytes when base64-encoded."
        )
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        value = json.loads(text, parse_constant=_refuse_constant)
    except (binascii.Error, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.")
    # It becomes a header: what could end one is white space between tokens, and what is not ASCII stands in a string.
    return _NOT_PLAIN.sub(lambda found: " " if found[0] in "\t\r\n" else json.dumps(found[0])[1:-1], text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _tenant(value: str | None) -> str | None:
    if value is not None and not _TENANT.fullmatch(value):
        raise ValidationFailed(value, "tenantId", f"Member must satisfy regular expression pattern: {_TENANT.pattern}")
    return value

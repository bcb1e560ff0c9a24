"""What passes between platform and runtime for one invocation: the headers of its event, and what the runtime's answer means.

Source: the Developer Guide's runtimes-api and runtimes-custom pages.
"""

from __future__ import annotations

import base64
import binascii

from runtime_api.http_connection import Request
from runtime_api.protocol import names
from runtime_api.protocol.invocation import Invocation, Outcome, OutcomeKind, reported_error, too_large
from runtime_api.protocol.runtime.error_cause import read_error_cause
from runtime_api.protocol.runtime.errors import InvalidFunctionResponseMode, InvokeTimeout, TruncatedHttpRequest
from runtime_api.protocol.runtime.messages import normalise_error_type, reported_cause, strip_error_cause
from runtime_api.protocol.runtime.states import RuntimeCall

_HEADER_ERROR_TYPE = names.HEADER_ERROR_TYPE.lower()
_HEADER_ERROR_BODY = names.HEADER_ERROR_BODY.lower()
_HEADER_ERROR_CAUSE = names.HEADER_ERROR_CAUSE.lower()
_HEADER_RESPONSE_MODE = names.HEADER_RESPONSE_MODE.lower()
_HEADER_INVOCATION_ID = names.HEADER_INVOCATION_ID.lower()


def is_streaming(request: Request) -> bool:
    """Whether an answer is of the kind that goes on."""
    return request.headers.get(_HEADER_RESPONSE_MODE) == names.RESPONSE_MODE_STREAMING


def is_for_attempt(request: Request, invocation_id: str) -> bool:
    """Whether an answer that echoes an invocation id echoes the one it was given."""
    # Runtimes that do not know the header answer without it.
    return request.headers.get(_HEADER_INVOCATION_ID, invocation_id) == invocation_id


def check_attempt(request: Request, invocation_id: str) -> None:
    """An answer to another attempt is refused; raises InvokeTimeout."""
    if not is_for_attempt(request, invocation_id):
        raise InvokeTimeout


def check_form(call: RuntimeCall, request: Request) -> None:
    """An answer is whole, and in a mode there is; raises InvalidFunctionResponseMode or TruncatedHttpRequest."""
    mode = request.headers.get(_HEADER_RESPONSE_MODE)
    if call is RuntimeCall.RESPONSE and mode and mode != names.RESPONSE_MODE_STREAMING:
        raise InvalidFunctionResponseMode
    if request.truncated:
        raise TruncatedHttpRequest


def outcome_of(call: RuntimeCall, request: Request) -> Outcome:
    """What an answer or an error report means for the caller."""
    if request.too_large:
        return too_large()
    if call is not RuntimeCall.RESPONSE:
        return _error_outcome(request)
    if has_failed(request):
        return trailer_outcome(request.trailers)
    return Outcome(OutcomeKind.SUCCESS, request.body, request.headers.get("content-type") or names.CONTENT_TYPE_JSON)


def _error_outcome(request: Request) -> Outcome:
    error_type = normalise_error_type(request.headers.get(_HEADER_ERROR_TYPE, ""))
    content_type = request.headers.get("content-type", "")
    if content_type == names.CONTENT_TYPE_ERROR_CAUSE:
        stripped = strip_error_cause(request.body)
        if stripped is None:
            return reported_error(b'"Invalid error body"', "application/octet-stream", error_type)
        return reported_error(stripped, names.CONTENT_TYPE_JSON, error_type, reported_cause(request.body))
    cause = read_error_cause(request.headers.get(_HEADER_ERROR_CAUSE, "").encode("latin-1"))
    return reported_error(request.body, content_type, error_type, cause)


def event_headers(invocation: Invocation, deadline_ms: int, invocation_id: str) -> bytes:
    """The headers of a `next` answer; what the invocation does not have is left out, not sent empty.

    `invocation_id` is new for each attempt, `deadline_ms` counts from the epoch.
    """
    optional = (
        (names.HEADER_TRACE_ID, invocation.trace_id),
        (names.HEADER_CLIENT_CONTEXT, invocation.client_context),
        (names.HEADER_TENANT_ID, invocation.tenant_id),
    )
    lines = [
        f"Content-Type: {invocation.content_type}\r\n{names.HEADER_REQUEST_ID}: {invocation.request_id}\r\n"
        f"{names.HEADER_DEADLINE_MS}: {deadline_ms}\r\n{names.HEADER_FUNCTION_ARN}: {invocation.invoked_arn}\r\n"
        f"{names.HEADER_INVOCATION_ID}: {invocation_id}\r\n"
    ]
    lines += [f"{name}: {value}\r\n" for name, value in optional if value]
    return "".join(lines).encode("latin-1")


def has_failed(request: Request) -> bool:
    """Whether a response says in its trailers that it failed on its way."""
    return _HEADER_ERROR_TYPE in request.trailers


def trailer_outcome(trailers: dict[str, str]) -> Outcome:
    """The error a response reports in its trailers; a caller who waits for the whole answer gets it alone."""
    try:
        body = base64.b64decode(trailers.get(_HEADER_ERROR_BODY, ""), validate=True)
    except binascii.Error:
        body = b""
    return reported_error(body, names.CONTENT_TYPE_JSON, normalise_error_type(trailers[_HEADER_ERROR_TYPE]))

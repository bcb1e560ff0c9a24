"""The JSON bodies both sides exchange, as msgspec structs, with the encoders and decoders that go with them.

Member order is the wire order.
"""

from __future__ import annotations

import json
import re

import msgspec

from runtime_api.protocol.runtime.error_cause import ErrorCause, read_error_cause
from runtime_api.protocol.runtime.errors import RuntimeApiError


class ErrorReply(msgspec.Struct, frozen=True, rename="camel"):
    """What the Runtime API answers to a refused call."""

    error_message: str
    error_type: str


class FunctionError(msgspec.Struct, frozen=True, rename="camel"):
    """What a caller gets when the platform, not the function, words the error."""

    error_type: str
    error_message: str


class ErrorCauseReport(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An error posted as `application/vnd.aws.lambda.error.cause+json`, without the cause, which is for tracing only."""

    error_message: str = ""
    error_type: str = ""
    stack_trace: list[str] = []


class _ReportedCause(msgspec.Struct, frozen=True, rename="camel"):
    error_cause: msgspec.Raw = msgspec.Raw(b"")


_encode = msgspec.json.Encoder().encode
_decode_reported_cause = msgspec.json.Decoder(_ReportedCause).decode
_decode_cause_report = msgspec.json.Decoder(ErrorCauseReport).decode

ACCEPTED = b'{"status":"OK"}\n'


def error_reply(error: RuntimeApiError) -> bytes:
    """The JSON body of a refusal, with the newline the service ends it with."""
    return _encode(ErrorReply(str(error), error.error_type)) + b"\n"


def function_error(error_type: str, message: str) -> bytes:
    """An error payload as the service words its own: `{"errorType":…,"errorMessage":…}`."""
    return _encode(FunctionError(error_type, message))


def error_message(body: bytes) -> str | None:
    """The member `errorMessage` of a function's error, as text that can be encoded; None when it has none."""
    try:
        error = json.loads(body)
    except (ValueError, RecursionError):
        return None
    message = error.get("errorMessage") if isinstance(error, dict) else None
    return message.encode(errors="replace").decode() if isinstance(message, str) else None


def strip_error_cause(body: bytes) -> bytes | None:
    """The error a caller sees of an error-with-cause report; None when the report cannot be read."""
    try:
        report = _decode_cause_report(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _encode(report)


def reported_cause(body: bytes) -> ErrorCause | None:
    """The cause in an error-with-cause report that `strip_error_cause` can read; None when there is none to speak of."""
    return read_error_cause(bytes(_decode_reported_cause(body).error_cause))


_KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def normalise_error_type(header: str) -> str:
    """The error type that goes into telemetry; whatever a runtime invents becomes `Runtime.Unknown` or `Function.Unknown`."""
    found = _KNOWN_ERROR_TYPE.search(header)
    if found:
        return found.group()
    return "Function.Unknown" if header.startswith("Function.") else "Runtime.Unknown"

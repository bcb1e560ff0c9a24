"""An invocation and its outcome: the two values that travel between caller and function.

An `Invocation` is made once, at the front door; an `Outcome` once, in the sandbox. Payloads stay the bytes they arrived as.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from runtime_api.protocol.invoke.response_stream import ResponseStream
from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES
from runtime_api.protocol.names import CONTENT_TYPE_JSON, VERSION_LATEST
from runtime_api.protocol.runtime.error_cause import ErrorCause
from runtime_api.protocol.runtime.messages import function_error


class Invocation(msgspec.Struct, frozen=True, gc=False):
    """One call of a function. `client_context` is JSON text; `invoked_arn` is the ARN as the caller addressed it."""

    request_id: str
    payload: bytes
    invoked_arn: str
    trace_id: str
    version: str = VERSION_LATEST
    content_type: str = CONTENT_TYPE_JSON
    client_context: str | None = None
    tenant_id: str | None = None
    wants_log_tail: bool = False
    wants_stream: bool = False


def new_request_id(random_bytes: bytes) -> str:
    """A UUID of version 4 made of 16 random bytes; half of what the library's takes, and it is made for every call."""
    digits = random_bytes.hex()
    variant = "89ab"[random_bytes[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


class OutcomeKind(Enum):
    """How an invocation ended; the value is the status telemetry reports."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    FAILURE = "failure"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What the caller gets.

    `error_type` is the normalised type for telemetry, `platform_message` what the platform says of an error it found itself (None
    when the runtime reported it), `log_tail` at most 4 KiB of log text, `cause` what the runtime reports for tracing.
    With a `stream` the answer has only begun: its body comes there, and what became of it is the stream's `end`.
    """

    kind: OutcomeKind
    body: bytes
    content_type: str = CONTENT_TYPE_JSON
    error_type: str | None = None
    platform_message: str | None = None
    log_tail: bytes | None = None
    cause: ErrorCause | None = None
    stream: ResponseStream | None = None

    @property
    def is_function_error(self) -> bool:
        """Whether the caller is told by `X-Amz-Function-Error`."""
        return self.kind is not OutcomeKind.SUCCESS

    @property
    def is_truncated(self) -> bool:
        """Whether a stream was cut off by the runtime; why is known once it is known what became of the runtime."""
        return self.error_type == "Runtime.TruncatedResponse"


def timed_out(request_id: str, timeout_ms: int) -> Outcome:
    """The function did not answer within its timeout."""
    message = f"Task timed out after {timeout_ms / 1000:.2f} seconds"
    return _found_by_platform(OutcomeKind.TIMEOUT, "Sandbox.Timedout", request_id, message)


def exited(request_id: str, reason: str) -> Outcome:
    """The runtime's process ended before it answered; `reason` as `exit_reason` words it."""
    return _found_by_platform(OutcomeKind.ERROR, "Runtime.ExitError", request_id, reason)


def out_of_memory(request_id: str, reason: str) -> Outcome:
    """The runtime's process was killed for want of memory; `reason` as `exit_reason` words it."""
    return _found_by_platform(OutcomeKind.ERROR, "Runtime.OutOfMemory", request_id, reason)


def invalid_entrypoint(request_id: str, reason: str) -> Outcome:
    """The runtime could not be started at all."""
    return _found_by_platform(OutcomeKind.ERROR, "Runtime.InvalidEntrypoint", request_id, reason)


def extension_failed(request_id: str, error_type: str, message: str) -> Outcome:
    """An extension ended, reported an error or could not be started; `error_type` is `Extension.` and what happened."""
    return _found_by_platform(OutcomeKind.ERROR, error_type, request_id, message)


def _found_by_platform(kind: OutcomeKind, error_type: str, request_id: str, message: str) -> Outcome:
    body = function_error(error_type, f"RequestId: {request_id} Error: {message}")
    return Outcome(kind, body, error_type=error_type, platform_message=message)


def truncated(request_id: str) -> Outcome:
    """The runtime's connection was lost while it streamed its answer."""
    return _found_by_platform(
        OutcomeKind.ERROR, "Runtime.TruncatedResponse", request_id, "Response stream ended before it was complete"
    )


def too_large(limit_bytes: int = RESPONSE_LIMIT_BYTES) -> Outcome:
    """The runtime answered with more than a response may hold: a buffered one, unless said otherwise."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes)."
    body = b'{"errorMessage":"%b","errorType":"Function.ResponseSizeTooLarge"}' % message.encode()
    return Outcome(OutcomeKind.ERROR, body, error_type="Function.ResponseSizeTooLarge")


def reported_error(body: bytes, content_type: str, error_type: str, cause: ErrorCause | None = None) -> Outcome:
    """The runtime reported an error: its body reaches the caller byte for byte."""
    return Outcome(OutcomeKind.ERROR, body, content_type or CONTENT_TYPE_JSON, error_type, cause=cause)

"""What the Runtime API refuses, and how it says so.

    RuntimeApiError                      status, errorType
    ├── InvalidRequestId                 400 InvalidRequestID
    ├── InvalidFunctionResponseMode      400 InvalidFunctionResponseMode
    ├── TruncatedHttpRequest             400 TruncatedHTTPRequest
    ├── InvalidStateTransition           403 InvalidStateTransition
    ├── InvokeTimeout                    410 InvokeTimeout
    └── RequestEntityTooLarge            413 RequestEntityTooLarge

The caller at fault is always the runtime. Texts are those of AWS's open-source emulator, which real runtimes are written against.
"""

from __future__ import annotations

from typing import ClassVar

from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES


class RuntimeApiError(Exception):
    """A refused call; the sandbox is as it was before."""

    status: ClassVar[int]
    error_type: ClassVar[str]


class InvalidRequestId(RuntimeApiError):
    """The id in the path is not the one of the current invocation."""

    status, error_type = 400, "InvalidRequestID"

    def __init__(self) -> None:
        super().__init__("Invalid request ID")


class InvalidFunctionResponseMode(RuntimeApiError):
    """The response mode header is there and does not say `streaming`."""

    status, error_type = 400, "InvalidFunctionResponseMode"

    def __init__(self) -> None:
        super().__init__("Invalid function response mode")


class TruncatedHttpRequest(RuntimeApiError):
    """The body ended before its announced length."""

    status, error_type = 400, "TruncatedHTTPRequest"

    def __init__(self) -> None:
        super().__init__("HTTP request detected as truncated")


class InvalidStateTransition(RuntimeApiError):
    """The call is not legal in the runtime's state."""

    status, error_type = 403, "InvalidStateTransition"

    def __init__(self, state: str, target: str) -> None:
        super().__init__(
            f"State transition from {state} to {target} failed for runtime. Error: State transition is not allowed"
        )


class InvokeTimeout(RuntimeApiError):
    """The answer is to an attempt that is over; runtimes go on to the next event."""

    status, error_type = 410, "InvokeTimeout"

    def __init__(self) -> None:
        super().__init__("Invoke timeout")


class RequestEntityTooLarge(RuntimeApiError):
    """The answer is larger than a response may be: a buffered one, unless said otherwise."""

    status, error_type = 413, "RequestEntityTooLarge"

    def __init__(self, limit_bytes: int = RESPONSE_LIMIT_BYTES) -> None:
        super().__init__(f"Exceeded maximum allowed payload size ({limit_bytes} bytes).")

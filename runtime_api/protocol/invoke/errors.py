"""What the Invoke API refuses, and how it says so.

    InvokeError                     status, exception name, body
    ├── ResourceNotFound            404
    ├── AccessDenied                403
    ├── ValidationFailed            400 ValidationException (of the API's framework: no Type)
    ├── InvalidParameterValue       400
    ├── InvalidRequestContent       400
    ├── RequestTooLarge             413
    ├── EventTooLarge               413 RequestEntityTooLargeException, of an asynchronous event
    ├── RecursiveInvocation         400
    ├── TooManyRequests             429, with Retry-After
    ├── SnapStartFailed             400 SnapStartException
    ├── SnapStartTimeout            408 SnapStartTimeoutException
    ├── UnknownOperation            404: no such path
    ├── MethodNotAllowed            405, with Allow
    ├── ServiceUnavailable          503, with Retry-After: the platform is starting or shutting down
    └── ServiceFailure              500: the platform itself failed

The caller at fault is always the client of the Invoke API. Errors of a function are no exceptions: they are answers with status 200.
Source: the Errors section of Invoke in the Lambda API reference; a body's member is `message` or `Message` as the service has it.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from runtime_api.protocol.limits import EVENT_LIMIT_BYTES

_encode = msgspec.json.Encoder().encode


class InvokeError(Exception):
    """A call the front door refuses; `body` and `headers` are what the caller gets."""

    status: ClassVar[int]
    exception: ClassVar[str]
    member: ClassVar[str] = "message"
    fault: ClassVar[str | None] = "User"

    def __init__(self, message: str | None) -> None:
        # What a caller sent may be quoted in it, and need not be valid text.
        self.message = None if message is None else message.encode(errors="replace").decode()
        super().__init__(self.message)

    @property
    def body(self) -> bytes:
        """The JSON body as the service orders it: Type first, where there is one."""
        fault = {"Type": self.fault} if self.fault else {}
        return _encode({**fault, self.member: self.message})

    @property
    def headers(self) -> dict[str, str]:
        """Headers beyond the exception's name."""
        return {}


class ResourceNotFound(InvokeError):
    """There is no such function, or no such version of it."""

    status, exception, member = 404, "ResourceNotFoundException", "Message"


class AccessDenied(InvokeError):
    """The ARN belongs to another account."""

    status, exception, member, fault = 403, "AccessDeniedException", "Message", None


class ValidationFailed(InvokeError):
    """A parameter breaks its pattern or its set of values."""

    status, exception, fault = 400, "ValidationException", None

    def __init__(self, value: str, member: str, constraint: str) -> None:
        super().__init__(
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        )


class InvalidParameterValue(InvokeError):
    """A parameter is well formed and still makes no sense here."""

    status, exception = 400, "InvalidParameterValueException"


class InvalidRequestContent(InvokeError):
    """The payload is not JSON, or the client context is not what it should be."""

    status, exception = 400, "InvalidRequestContentException"


class RequestTooLarge(InvokeError):
    """The payload is larger than a synchronous event may be."""

    status, exception = 413, "RequestTooLargeException"

    def __init__(self) -> None:
        super().__init__(f"Request must be smaller than {EVENT_LIMIT_BYTES} bytes for the InvokeFunction operation")


class EventTooLarge(InvokeError):
    """The payload is larger than an asynchronous event may be. The name is the one the service answers with, not that of its model."""

    status, exception = 413, "RequestEntityTooLargeException"

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{size_bytes} byte payload is too large for the Event invocation type (limit {limit_bytes} bytes)"
        )


class RecursiveInvocation(InvokeError):
    """The function has called itself too often in one chain of requests, directly or by way of others."""

    status, exception, member = 400, "RecursiveInvocationException", "Message"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The function was invoked {limit} times in one chain of requests, which looks like a recursive loop: it was stopped. "
            "A function that is meant to do so has its recursive loop set to Allow."
        )


class TooManyRequests(InvokeError):
    """More is asked for at once, or in a second, than may be; `retry_after_s` is a whole number of seconds."""

    status, exception = 429, "TooManyRequestsException"

    def __init__(self, reason: str, retry_after_s: int = 1) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> bytes:
        """As recorded from the service: Reason, Type, message."""
        return _encode({"Reason": self.reason, "Type": self.fault, "message": self.message})

    @property
    def headers(self) -> dict[str, str]:
        """When to come back."""
        return {"Retry-After": str(self.retry_after_s)}


class SnapStartFailed(InvokeError):
    """The runtime failed after its sandbox was restored, before it took an event."""

    status, exception, member = 400, "SnapStartException", "Message"

    def __init__(self) -> None:
        super().__init__(
            "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."
        )


class SnapStartTimeout(InvokeError):
    """The restore of a sandbox took longer than its limit."""

    status, exception, member = 408, "SnapStartTimeoutException", "Message"

    def __init__(self) -> None:
        super().__init__("Lambda couldn't restore the snapshot within the timeout limit.")


class UnknownOperation(InvokeError):
    """The path is none of those served."""

    status, exception, fault = 404, "UnknownOperationException", None


class MethodNotAllowed(InvokeError):
    """The path is served, by other methods; `allowed` is the value of Allow."""

    status, exception, fault = 405, "MethodNotAllowedException", None

    def __init__(self, allowed: str) -> None:
        super().__init__(f"Use {allowed}.")
        self.allowed = allowed

    @property
    def headers(self) -> dict[str, str]:
        """Which methods are."""
        return {"Allow": self.allowed}


class ServiceUnavailable(InvokeError):
    """The platform takes no calls at the moment; the message says why. Another server may, or this one a second later."""

    status, exception, member, fault = 503, "ServiceUnavailableException", "Message", "Service"

    @property
    def headers(self) -> dict[str, str]:
        """When to come back."""
        return {"Retry-After": "1"}


class ServiceFailure(InvokeError):
    """The platform failed; the function is not to blame."""

    status, exception, member, fault = 500, "ServiceException", "Message", "Service"

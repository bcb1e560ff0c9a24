from __future__ import annotations

import pytest

from runtime_api.protocol.invoke.errors import (
    AccessDenied,
    EventTooLarge,
    InvalidParameterValue,
    InvalidRequestContent,
    InvokeError,
    MethodNotAllowed,
    RecursiveInvocation,
    RequestTooLarge,
    ResourceNotFound,
    ServiceFailure,
    ServiceUnavailable,
    SnapStartFailed,
    SnapStartTimeout,
    TooManyRequests,
    UnknownOperation,
    ValidationFailed,
)

ERRORS: list[tuple[InvokeError, int, str, bytes]] = [
    (ResourceNotFound("m"), 404, "ResourceNotFoundException", b'{"Type":"User","Message":"m"}'),
    (AccessDenied(None), 403, "AccessDeniedException", b'{"Message":null}'),
    (
        ValidationFailed("v", "logType", "c"),
        400,
        "ValidationException",
        b"{\"message\":\"1 validation error detected: Value 'v' at 'logType' failed to satisfy constraint: c\"}",
    ),
    (InvalidParameterValue("m"), 400, "InvalidParameterValueException", b'{"Type":"User","message":"m"}'),
    (InvalidRequestContent("m"), 400, "InvalidRequestContentException", b'{"Type":"User","message":"m"}'),
    (
        RequestTooLarge(),
        413,
        "RequestTooLargeException",
        b'{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}',
    ),
    (
        RecursiveInvocation(16),
        400,
        "RecursiveInvocationException",
        b'{"Type":"User","Message":"The function was invoked 16 times in one chain of requests, which looks like a recursive loop: '
        b'it was stopped. A function that is meant to do so has its recursive loop set to Allow."}',
    ),
    (
        TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded"),
        429,
        "TooManyRequestsException",
        b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}',
    ),
    (
        SnapStartFailed(),
        400,
        "SnapStartException",
        b'{"Type":"User","Message":"The afterRestore() runtime hook encountered an error. '
        b'For more information, check the Amazon CloudWatch logs."}',
    ),
    (
        SnapStartTimeout(),
        408,
        "SnapStartTimeoutException",
        b'{"Type":"User","Message":"Lambda couldn\'t restore the snapshot within the timeout limit."}',
    ),
    (
        EventTooLarge(7, 5),
        413,
        "RequestEntityTooLargeException",
        b'{"Type":"User","message":"7 byte payload is too large for the Event invocation type (limit 5 bytes)"}',
    ),
    (UnknownOperation("m"), 404, "UnknownOperationException", b'{"message":"m"}'),
    (MethodNotAllowed("POST"), 405, "MethodNotAllowedException", b'{"message":"Use POST."}'),
    (ServiceFailure("m"), 500, "ServiceException", b'{"Type":"Service","Message":"m"}'),
    (ServiceUnavailable("m"), 503, "ServiceUnavailableException", b'{"Type":"Service","Message":"m"}'),
]


@pytest.mark.parametrize(("error", "status", "exception", "body"), ERRORS, ids=[row[2] for row in ERRORS])
def test_status_name_and_body(error: InvokeError, status: int, exception: str, body: bytes) -> None:
    """Each refusal in its exact bytes."""
    assert (error.status, error.exception, error.body) == (status, exception, body)


def test_every_kind_is_covered() -> None:
    """A kind of refusal that is added is added here too."""
    assert {type(row[0]) for row in ERRORS} == set(InvokeError.__subclasses__())


def test_headers_of_their_own() -> None:
    """Who is to come back is told when, in whole seconds; a wrong method says which are right."""
    headers = {type(row[0]).__name__: row[0].headers for row in ERRORS if row[0].headers}
    assert headers == {
        "TooManyRequests": {"Retry-After": "1"},
        "ServiceUnavailable": {"Retry-After": "1"},
        "MethodNotAllowed": {"Allow": "POST"},
    }

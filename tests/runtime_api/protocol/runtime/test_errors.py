from __future__ import annotations

import pytest

from runtime_api.protocol.runtime.errors import (
    InvalidFunctionResponseMode,
    InvalidRequestId,
    InvalidStateTransition,
    InvokeTimeout,
    RequestEntityTooLarge,
    RuntimeApiError,
    TruncatedHttpRequest,
)
from runtime_api.protocol.runtime.messages import error_reply

REPLIES: list[tuple[RuntimeApiError, int, bytes]] = [
    (InvalidRequestId(), 400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'),
    (
        InvalidFunctionResponseMode(),
        400,
        b'{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}\n',
    ),
    (
        TruncatedHttpRequest(),
        400,
        b'{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}\n',
    ),
    (
        InvalidStateTransition("Ready", "InitError"),
        403,
        b'{"errorMessage":"State transition from Ready to InitError failed for runtime. '
        b'Error: State transition is not allowed","errorType":"InvalidStateTransition"}\n',
    ),
    (InvokeTimeout(), 410, b'{"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}\n'),
    (
        RequestEntityTooLarge(),
        413,
        b'{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"RequestEntityTooLarge"}\n',
    ),
]


@pytest.mark.parametrize(("error", "status", "reply"), REPLIES, ids=lambda value: type(value).__name__)
def test_status_and_reply(error: RuntimeApiError, status: int, reply: bytes) -> None:
    """Each refusal has its status and its exact bytes: errorMessage, errorType, a newline."""
    assert (error.status, error_reply(error)) == (status, reply)


def test_every_kind_is_covered() -> None:
    """A kind of refusal that is added is added here too."""
    # Those of the Extensions API have a file of their own.
    kinds = {kind for kind in RuntimeApiError.__subclasses__() if kind.__module__ == RuntimeApiError.__module__}
    assert {type(error) for error, _, _ in REPLIES} == kinds

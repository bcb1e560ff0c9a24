"""What a URL answers on its own, without the function: as recorded from the service where that is known.

Source: the Developer Guide's page urls-auth.
"""

from __future__ import annotations

from runtime_api.protocol.invoke.errors import InvokeError
from runtime_api.protocol.names import CONTENT_TYPE_JSON, HEADER_API_ERROR_TYPE
from runtime_api.protocol.url.answer import UrlAnswer


def _denied(body: bytes) -> UrlAnswer:
    headers = [("Content-Type", CONTENT_TYPE_JSON), (HEADER_API_ERROR_TYPE, "AccessDeniedException")]
    return UrlAnswer(403, headers, body)


UNKNOWN_URL = _denied(b'{"Message":null}')
UNSIGNED = _denied(b'{"Message":"Forbidden"}')
UPGRADE_REFUSED = UrlAnswer(
    400,
    [("Content-Type", CONTENT_TYPE_JSON), (HEADER_API_ERROR_TYPE, "BadRequestException")],
    b'{"Message":"A function cannot take a connection over: WebSockets and other upgrades are refused"}',
)


def refused(error: InvokeError) -> UrlAnswer:
    """An invocation that was refused, as its API words it."""
    headers = [("Content-Type", CONTENT_TYPE_JSON), (HEADER_API_ERROR_TYPE, error.exception)]
    return UrlAnswer(error.status, [*headers, *error.headers.items()], error.body)

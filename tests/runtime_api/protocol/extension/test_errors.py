from __future__ import annotations

import pytest

from runtime_api.protocol.extension import errors
from runtime_api.protocol.extension.errors import ExtensionApiError
from runtime_api.protocol.runtime.messages import error_reply

TEXTS = [
    (errors.InvalidExtensionName(), "Extension.InvalidExtensionName", "Empty extension name"),
    (errors.InvalidRequestFormat("why"), "InvalidRequestFormat", "why"),
    (
        errors.RegistrationClosed(),
        "Extension.RegistrationClosed",
        "Extension registration closed already",
    ),
    (
        errors.InvalidExtensionState.name_taken(),
        "Extension.InvalidExtensionState",
        "Extension with this name already registered",
    ),
    (errors.TooManyExtensions(), "Extension.TooManyExtensions", "Extension limit (10) reached"),
    (errors.InvalidEventType("X: why"), "Extension.InvalidEventType", "X: why"),
    (
        errors.MissingExtensionIdentifier(),
        "Extension.MissingExtensionIdentifier",
        "Missing Lambda-Extension-Identifier header",
    ),
    (
        errors.InvalidExtensionIdentifier(),
        "Extension.InvalidExtensionIdentifier",
        "Invalid Lambda-Extension-Identifier",
    ),
    (
        errors.UnknownExtensionIdentifier("Unknown extension x"),
        "Extension.UnknownExtensionIdentifier",
        "Unknown extension x",
    ),
    (
        errors.MissingErrorType(),
        "Extension.MissingHeader",
        "Lambda-Extension-Function-Error-Type not found",
    ),
]


@pytest.mark.parametrize(("error", "error_type", "message"), TEXTS, ids=[error_type for _, error_type, _ in TEXTS])
def test_the_texts(error: ExtensionApiError, error_type: str, message: str) -> None:
    """Type and text are those real extensions meet, and the status is always 403."""
    body = f'{{"errorMessage":"{message}","errorType":"{error_type}"}}\n'
    assert (error.status, error_reply(error)) == (403, body.encode())

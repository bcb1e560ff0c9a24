from __future__ import annotations

import pytest

from runtime_api.protocol import extension_errors
from runtime_api.protocol.extension_errors import ExtensionApiError
from runtime_api.protocol.messages import error_reply

TEXTS = [
    (extension_errors.InvalidExtensionName(), "Extension.InvalidExtensionName", "Empty extension name"),
    (extension_errors.InvalidRequestFormat("why"), "InvalidRequestFormat", "why"),
    (
        extension_errors.RegistrationClosed(),
        "Extension.RegistrationClosed",
        "Extension registration closed already",
    ),
    (
        extension_errors.InvalidExtensionState.name_taken(),
        "Extension.InvalidExtensionState",
        "Extension with this name already registered",
    ),
    (extension_errors.TooManyExtensions(), "Extension.TooManyExtensions", "Extension limit (10) reached"),
    (extension_errors.InvalidEventType("X: why"), "Extension.InvalidEventType", "X: why"),
    (
        extension_errors.MissingExtensionIdentifier(),
        "Extension.MissingExtensionIdentifier",
        "Missing Lambda-Extension-Identifier header",
    ),
    (
        extension_errors.InvalidExtensionIdentifier(),
        "Extension.InvalidExtensionIdentifier",
        "Invalid Lambda-Extension-Identifier",
    ),
    (
        extension_errors.UnknownExtensionIdentifier("Unknown extension x"),
        "Extension.UnknownExtensionIdentifier",
        "Unknown extension x",
    ),
    (
        extension_errors.MissingErrorType(),
        "Extension.MissingHeader",
        "Lambda-Extension-Function-Error-Type not found",
    ),
]


@pytest.mark.parametrize(("error", "error_type", "message"), TEXTS, ids=[error_type for _, error_type, _ in TEXTS])
def test_the_texts(error: ExtensionApiError, error_type: str, message: str) -> None:
    """Type and text are those real extensions meet, and the status is always 403."""
    body = f'{{"errorMessage":"{message}","errorType":"{error_type}"}}\n'
    assert (error.status, error_reply(error)) == (403, body.encode())

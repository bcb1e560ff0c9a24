"""What the Extensions API refuses, and how it says so. Every refusal of the service is a 403.

    ExtensionApiError                    errorType
    ├── InvalidExtensionName             Extension.InvalidExtensionName
    ├── InvalidRequestFormat             InvalidRequestFormat
    ├── RegistrationClosed               Extension.RegistrationClosed
    ├── InvalidExtensionState            Extension.InvalidExtensionState
    ├── TooManyExtensions                Extension.TooManyExtensions
    ├── InvalidEventType                 Extension.InvalidEventType
    ├── MissingExtensionIdentifier       Extension.MissingExtensionIdentifier
    ├── InvalidExtensionIdentifier       Extension.InvalidExtensionIdentifier
    ├── UnknownExtensionIdentifier       Extension.UnknownExtensionIdentifier
    └── MissingErrorType                 Extension.MissingHeader

Source: the Developer Guide's runtimes-extensions-api page; texts as AWS's open-source emulator words them.
"""

from __future__ import annotations

from typing import ClassVar

from runtime_api.protocol.limits import EXTENSIONS_LIMIT
from runtime_api.protocol.names import HEADER_EXTENSION_ERROR_TYPE, HEADER_EXTENSION_ID
from runtime_api.protocol.runtime.errors import RuntimeApiError


class ExtensionApiError(RuntimeApiError):
    """A refused call of an extension; everything is as it was before."""

    status: ClassVar[int] = 403


class InvalidExtensionName(ExtensionApiError):
    """No name was given."""

    error_type = "Extension.InvalidExtensionName"

    def __init__(self) -> None:
        super().__init__("Empty extension name")


class InvalidRequestFormat(ExtensionApiError):
    """The body is not what register takes."""

    error_type = "InvalidRequestFormat"


class RegistrationClosed(ExtensionApiError):
    """The runtime has asked for its first event: nobody registers any more."""

    error_type = "Extension.RegistrationClosed"

    def __init__(self) -> None:
        super().__init__("Extension registration closed already")


class InvalidExtensionState(ExtensionApiError):
    """The call is not legal in the extension's state."""

    error_type = "Extension.InvalidExtensionState"

    @classmethod
    def transition(cls, name: str, state: str, target: str) -> InvalidExtensionState:
        """For a cell the state table does not have."""
        return cls(
            f"State transition from {state} to {target} failed for extension {name}. Error: State transition is not allowed"
        )

    @classmethod
    def name_taken(cls) -> InvalidExtensionState:
        """For an internal extension that registers a second time."""
        return cls("Extension with this name already registered")


class TooManyExtensions(ExtensionApiError):
    """One more than a sandbox may have."""

    error_type = "Extension.TooManyExtensions"

    def __init__(self) -> None:
        super().__init__(f"Extension limit ({EXTENSIONS_LIMIT}) reached")


class InvalidEventType(ExtensionApiError):
    """An event nobody can subscribe to, or not this kind of extension."""

    error_type = "Extension.InvalidEventType"


class MissingExtensionIdentifier(ExtensionApiError):
    """The header with the identifier is not there."""

    error_type = "Extension.MissingExtensionIdentifier"

    def __init__(self) -> None:
        super().__init__(f"Missing {HEADER_EXTENSION_ID} header")


class InvalidExtensionIdentifier(ExtensionApiError):
    """The identifier is not a UUID."""

    error_type = "Extension.InvalidExtensionIdentifier"

    def __init__(self) -> None:
        super().__init__(f"Invalid {HEADER_EXTENSION_ID}")


class UnknownExtensionIdentifier(ExtensionApiError):
    """Nobody registered under this identifier."""

    error_type = "Extension.UnknownExtensionIdentifier"


class MissingErrorType(ExtensionApiError):
    """An error was reported without its type."""

    error_type = "Extension.MissingHeader"

    def __init__(self) -> None:
        super().__init__(f"{HEADER_EXTENSION_ERROR_TYPE} not found")

"""The JSON bodies of the Extensions API. Member order is the wire order.

Source: the Developer Guide's runtimes-extensions-api page.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from runtime_api.protocol.extension.errors import InvalidEventType, InvalidRequestFormat
from runtime_api.protocol.invocation import Invocation
from runtime_api.protocol.names import HEADER_CALLER_TRACE_ID


class ExtensionEvent(str, Enum):
    """What an extension can subscribe to."""

    INVOKE = "INVOKE"
    SHUTDOWN = "SHUTDOWN"


class ShutdownReason(str, Enum):
    """Why the sandbox ends."""

    SPINDOWN = "spindown"
    TIMEOUT = "timeout"
    FAILURE = "failure"


class _RegisterRequest(msgspec.Struct, rename="camel"):
    events: list[str] | None = None
    configuration_keys: list[str] | None = None


class RegisterReply(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a registered extension learns; `account_id` only when it asked for it."""

    function_name: str
    function_version: str
    handler: str
    account_id: str | None = None


class _Tracing(msgspec.Struct, frozen=True):
    type: str
    value: str


class _InvokeEvent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    event_type: str
    deadline_ms: int
    request_id: str
    invoked_function_arn: str
    tracing: _Tracing | None = None


class _ShutdownEvent(msgspec.Struct, frozen=True, rename="camel"):
    event_type: str
    shutdown_reason: str
    deadline_ms: int


_decode_register = msgspec.json.Decoder(_RegisterRequest).decode
_encode = msgspec.json.Encoder().encode


def parse_events(body: bytes, *, external: bool, managed: bool = False) -> frozenset[ExtensionEvent]:
    """The events of a register call; where a sandbox is `managed`, nobody hears of invocations.

    Raises InvalidRequestFormat or InvalidEventType.
    """
    try:
        request = _decode_register(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestFormat(str(error)) from None
    if request.configuration_keys:
        raise InvalidRequestFormat("configurationKeys are deprecated; use environment variables instead")
    if managed and not external and request.events:
        raise InvalidEventType("No events allowed for internal extensions")
    return frozenset(_parse_event(name, external=external, managed=managed) for name in request.events or ())


def _parse_event(name: str, *, external: bool, managed: bool) -> ExtensionEvent:
    try:
        event = ExtensionEvent(name)
    except ValueError:
        raise InvalidEventType(f"{name}: ErrorInvalidEventType") from None
    if event is ExtensionEvent.INVOKE and managed:
        raise InvalidEventType("INVOKE: ErrorInvalidEventType")
    if event is ExtensionEvent.SHUTDOWN and not external:
        raise InvalidEventType("SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
    return event


def encode_reply(reply: RegisterReply) -> bytes:
    """The body of a successful register."""
    return _encode(reply)


def invoke_event(invocation: Invocation, deadline_ms: int) -> bytes:
    """What extensions that subscribed to INVOKE get; `deadline_ms` is in epoch milliseconds."""
    tracing = _Tracing(HEADER_CALLER_TRACE_ID, invocation.trace_id) if invocation.trace_id else None
    return _encode(
        _InvokeEvent(ExtensionEvent.INVOKE.value, deadline_ms, invocation.request_id, invocation.invoked_arn, tracing)
    )


def shutdown_event(reason: ShutdownReason, deadline_ms: int) -> bytes:
    """What extensions that subscribed to SHUTDOWN get."""
    return _encode(_ShutdownEvent(ExtensionEvent.SHUTDOWN.value, reason.value, deadline_ms))

"""Is a payload JSON? The service refuses what is not, before any function sees it."""

from __future__ import annotations

import json

import msgspec

from runtime_api.protocol.invoke.errors import InvalidRequestContent

_PREFIX = "Could not parse request body into json: Could not parse payload into json: "
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode


def checked_payload(payload: bytes) -> bytes:
    """The event bytes as the function gets them: `{}` for none at all; raises InvalidRequestContent for what is not JSON."""
    if not payload:
        return b"{}"
    try:
        text = payload.decode()
        _check_syntax(payload)
    except UnicodeDecodeError as error:
        byte = payload[error.start]
        raise InvalidRequestContent(f"{_PREFIX}Invalid UTF-8 start byte 0x{byte:x} at byte {error.start}") from None
    except (msgspec.DecodeError, RecursionError):
        _check_slowly(text)
    return payload


def _check_slowly(text: str) -> None:
    # The fast check also refuses an unpaired \ud800, which is JSON; this one decides, and can say where it stopped.
    try:
        # Numbers stay text: Python has a limit for the length of an integer, JSON has none.
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except RecursionError:
        raise InvalidRequestContent(f"{_PREFIX}Document nesting depth exceeds the maximum allowed") from None
    except json.JSONDecodeError as error:
        raise InvalidRequestContent(_PREFIX + _describe(text, error)) from None


def _refuse_constant(name: str) -> None:
    raise InvalidRequestContent(f"{_PREFIX}Non-standard token '{name}': it is not JSON")


def _describe(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text):
        return f"Unexpected end-of-input at line: {error.lineno}, column: {error.colno}"
    character = text[error.pos]
    return (
        f"Unexpected character ('{character}' (code {ord(character)})) at line: {error.lineno}, column: {error.colno}"
    )

"""The cause of an error as runtimes report it for tracing: read, checked, and cropped to what the platform keeps.

Strategy: lists are cut to 80, 60, 40, 20 and then 0 percent until the JSON fits; with the lists gone, texts are cut too.
Source: the header's shape is on the Developer Guide's runtimes-custom page; the cropping is that of AWS's open-source emulator.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

_Item = TypeVar("_Item")

# What the platform keeps of a cause, as JSON.
CAUSE_LIMIT_BYTES = 64 * 1024
_SHARES = (0.8, 0.6, 0.4, 0.2, 0.0)


class StackFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a stack."""

    path: str | None = None
    line: int | None = None
    label: str | None = None


class CauseException(msgspec.Struct, frozen=True, omit_defaults=True):
    """One exception of the chain."""

    message: str | None = None
    type: str | None = None
    stack: list[StackFrame] | None = None


class ErrorCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an invocation failed, for a trace segment."""

    exceptions: list[CauseException] | None = None
    working_directory: str | None = None
    paths: list[str] | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(ErrorCause).decode
_encode = msgspec.json.Encoder().encode


def read_error_cause(text: bytes) -> ErrorCause | None:
    """The cause in a header or error report; None where it is not of the documented shape, or says nothing."""
    try:
        cause = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not (cause.exceptions or cause.working_directory or cause.paths or cause.message):
        return None
    return crop_error_cause(cause, CAUSE_LIMIT_BYTES)


def crop_error_cause(cause: ErrorCause, limit_bytes: int) -> ErrorCause:
    """As much of the cause as fits into `limit_bytes` of JSON."""
    for share in (1.0, *_SHARES):
        cropped = _with_share(cause, share)
        if len(_encode(cropped)) <= limit_bytes:
            return cropped
    # Two texts are left, and JSON may write a character as six bytes.
    room = max(limit_bytes // 12 - 32, 0)
    return ErrorCause(working_directory=_cut(cause.working_directory, room), message=_cut(cause.message, room))


def _with_share(cause: ErrorCause, share: float) -> ErrorCause:
    if share == 1.0:
        return cause
    exceptions = [
        msgspec.structs.replace(exception, stack=_first(exception.stack, share))
        for exception in _first(cause.exceptions, share) or []
    ]
    return msgspec.structs.replace(cause, exceptions=exceptions or None, paths=_first(cause.paths, share))


def _first(items: list[_Item] | None, share: float) -> list[_Item] | None:
    return items[: int(len(items) * share)] or None if items else None


def _cut(text: str | None, room: int) -> str | None:
    return text if text is None or len(text) <= room else text[:room] + "..."

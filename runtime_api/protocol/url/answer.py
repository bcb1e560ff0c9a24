"""The HTTP answer a function's result stands for: what all fronts read alike, and what none may pass on.

A value that would begin a line of its own, a status that is none, a body that is no base64: such an answer is unusable as a whole, and
the caller gets the front's own error instead. Nothing of it is passed on.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import msgspec

from runtime_api.protocol.url.request import HOP_BY_HOP, Pairs

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BREAKS_A_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Ours to say: how the body is framed, and which invocation this was.
_RESERVED = HOP_BY_HOP | {"content-length", "x-amzn-requestid", "x-amzn-trace-id"}


class UnusableAnswer(Exception):
    """The function's result is no HTTP answer; the message says why, for the log and not for the caller."""


class NotJson(UnusableAnswer):
    """The result is no JSON at all."""


class UrlAnswer(msgspec.Struct, frozen=True):
    """What goes back to the caller. `reason` is the text beside the status, None for the usual one."""

    status: int
    headers: Pairs
    body: bytes
    reason: str | None = None

    def with_default_type(self, content_type: str) -> UrlAnswer:
        """The same, with a type for its body where the function named none."""
        if any(name.lower() == "content-type" for name, _ in self.headers):
            return self
        return msgspec.structs.replace(self, headers=[*self.headers, ("Content-Type", content_type)])


def parse_result(payload: bytes) -> Any:  # noqa: ANN401  (any JSON)
    """A function's result as Python has it; raises NotJson."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_slowly(payload)


def _parse_slowly(payload: bytes) -> Any:  # noqa: ANN401  (any JSON)
    # It takes a lone half of a surrogate pair, which is JSON too, and says what it does not take.
    try:
        return json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the result is not JSON: {error}") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def read_status(value: object) -> int:
    """A final status: a number or its digits; raises UnusableAnswer."""
    # Not one below 200: the caller would wait for another.
    if isinstance(value, str) and re.fullmatch(r"[2-5]\d\d", value, re.ASCII):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599:
        return value
    raise UnusableAnswer(f"statusCode {value!r}: it must be a number from 200 to 599")


def read_headers(value: object) -> Pairs:
    """An object of headers with one value each; raises UnusableAnswer."""
    return usable([(name, member) for name, member in _members("headers", value) if member is not None])


def read_multi_value_headers(value: object) -> Pairs:
    """An object of headers with a list of values each; raises UnusableAnswer."""
    return usable(
        [(name, member) for name, members in _members("multiValueHeaders", value) for member in _list_of(name, members)]
    )


def read_cookies(value: object) -> Pairs:
    """A list of cookies, each a Set-Cookie of its own; raises UnusableAnswer."""
    return usable([("Set-Cookie", cookie) for cookie in _list_of("cookies", [] if value is None else value)])


def read_body(value: object, is_base64: object) -> bytes:
    """The body, where it is text or nothing; raises UnusableAnswer."""
    if value is None:
        return b""
    if not isinstance(value, str):
        raise UnusableAnswer(f"body is {_kind(value)}: it must be a string")
    if is_base64 is not True:
        return value.encode(errors="replace")
    try:
        # In lines, as it is in mail. Whatever else is in it is not passed over: a part of the body would be missing.
        return base64.b64decode("".join(value.split()), validate=True)
    except ValueError as error:
        raise UnusableAnswer(f"body is not base64: {error}") from None


def usable(pairs: list[tuple[str, object]]) -> Pairs:
    """Headers that can be sent, without those that are not the function's to say; raises UnusableAnswer."""
    return [(_name(name), _one_line(name, value)) for name, value in pairs if name.lower() not in _RESERVED]


def _members(what: str, value: object) -> list[tuple[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, dict):
        raise UnusableAnswer(f"{what} is {_kind(value)}: it must be an object")
    return list(value.items())


def _list_of(what: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise UnusableAnswer(f"{what} is {_kind(value)}: it must be a list")
    return value


def _name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise UnusableAnswer(f"{name!r} is not a name of a header")
    return name


def _one_line(name: str, value: object) -> str:
    text = _text_of(value)
    if text is None:
        raise UnusableAnswer(f"header {name}: its value is {_kind(value)}, and must be a string")
    if _BREAKS_A_LINE.search(text):
        raise UnusableAnswer(f"header {name}: its value is more than one line")
    return text.encode(errors="replace").decode()


def _text_of(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (bool, int, float)) else None


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}.get(
        type(value), "a number"
    )

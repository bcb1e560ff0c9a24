"""Payload: JSON in and out, as AWS's Python runtime reads and writes it, at the speed of the C code in `_json`.

Strategy: `json` costs five milliseconds to import, most of it for regular expressions, and only wraps `_json`. Its C
encoder takes every value of exact built-in types. What else AWS's runtime can write (a named tuple as an object,
a Decimal with all its digits, bytes as text) goes through a copy in plain types; `marshal`, which refuses anything
but exact built-in types, tells the two apart for a seventh of the cost of encoding. NaN and infinities are not JSON:
they are refused on both ways.
"""

from marshal import dumps as _require_builtin_types

from .errors import FunctionError

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:  # not every interpreter has the C module
    from .pure_json import (  # type: ignore[assignment]
        encode_basestring,
        encode_basestring_ascii,
        make_encoder,
        make_scanner,
    )

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

JSON = "application/json"
UNKNOWN = "application/unknown"
WHITESPACE = " \t\n\r"
BYTE_ORDER_MARK = "\ufeff"
GENERATORS = ("generator", "async_generator")
STREAM_HINT = "a handler that yields behind a decorator is streamed when it is marked with @bootstrap.stream, outermost"


class Marshaller:
    """Turns events into values and results into bodies; `ascii_only` escapes all other characters."""

    def __init__(self, *, ascii_only: bool) -> None:
        self._quote = encode_basestring_ascii if ascii_only else encode_basestring
        self._encode = _make_encoder(self._quote)

    def unmarshal_request(self, body: bytes, content_type: str = JSON) -> object:
        """The event a handler gets: a JSON value, or the bytes themselves under any other content type."""
        if content_type != JSON and content_type.partition(";")[0].strip().lower() not in (JSON, ""):
            return body
        try:
            return from_json(body.decode())
        except Exception as error:
            raise FunctionError("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error

    def marshal_response(self, value: object) -> tuple[bytes, str]:
        """The body and content type for what a handler returned."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value), UNKNOWN
        try:
            return self.to_json(value), JSON
        except Exception as error:
            refusal = FunctionError("Runtime.MarshalError", f"Unable to marshal response: {error}")
            if type(value).__name__ in GENERATORS:
                refusal.__notes__ = [STREAM_HINT]  # type: ignore[attr-defined]
            raise refusal from error

    def to_json(self, value: object) -> bytes:
        """Encode a value. Raises TypeError, ValueError or RecursionError when JSON has no place for it."""
        try:
            _require_builtin_types(value)  # type: ignore[arg-type]
            text = "".join(self._encode(value, 0))
        except (TypeError, ValueError, RecursionError):
            text = self._encode_copy(value)
        # Lone surrogates have no UTF-8; as they only occur within strings, a backslash escape is right JSON for them.
        return text.encode("utf-8", "backslashreplace")

    def _encode_copy(self, value: object) -> str:
        from .plain import PlainCopy, leave_numbers  # few functions return what needs it

        plain = PlainCopy(_refuse)
        copy = plain.copy(value)
        encode = _make_encoder(leave_numbers(self._quote)) if plain.has_numbers else self._encode
        try:
            return "".join(encode(copy, 0))
        except ValueError:
            _refuse_nan(copy)
            raise


def from_json(text: str, parse_float: "Callable[[str], object]" = float) -> object:
    """Decode one JSON value. Raises ValueError, or RecursionError when it is nested too deeply.

    `parse_float` makes a number of the text of one that has a fraction or an exponent.
    """
    scan = _scan if parse_float is float else _make_scanner(parse_float)
    start = 0
    if text[:1] in WHITESPACE + BYTE_ORDER_MARK:
        start = len(text) - len(text.removeprefix(BYTE_ORDER_MARK).lstrip(WHITESPACE))
    try:
        value, end = scan(text, start)
    except StopIteration as stop:
        raise ValueError(f"Expecting value: {_place(text, stop.value)}") from None
    except SystemError:  # up to Python 3.11 the C code can only raise its error once that is imported
        __import__("json.decoder")
        value, end = scan(text, start)
    if end != len(text) and (rest := text[end:].lstrip(WHITESPACE)):
        raise ValueError(f"Extra data: {_place(text, len(text) - len(rest))}")
    return value


def _make_encoder(quote: "Callable[[str], str]") -> "Callable[[object, int], Iterable[str]]":
    """An encoder that writes what json.dumps writes, with strings quoted by the given function."""
    return make_encoder(None, _refuse, quote, None, ": ", ", ", False, False, False)


def _make_scanner(parse_float: "Callable[[str], object]") -> "Callable[[str, int], tuple[object, int]]":
    return make_scanner(type("_Grammar", (_Grammar,), {"parse_float": parse_float}))  # type: ignore[arg-type]


def _place(text: str, index: int) -> str:
    line, column = text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
    return f"line {line} column {column} (char {index})"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"Expecting value: {name} is not JSON")


def _refuse(value: object) -> object:
    """What the encoder calls for a value it does not know."""
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _refuse_nan(value: object) -> None:
    """Say where in a value the first number is that JSON does not have."""
    from .json_path import ROOT, path_of_nan

    path = path_of_nan(value)
    if path is not None:
        raise ValueError(f"Out of range float values are not JSON compliant - at {ROOT}{path}") from None


class _Grammar:
    """What `_json` asks a decoder object for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None  # from Python 3.15 on
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)


_scan = _make_scanner(float)

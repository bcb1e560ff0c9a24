"""Pure JSON: what `_json` offers, from the Python code of `json`, for interpreters without the C module."""

from json.decoder import JSONDecoder
from json.encoder import _make_iterencode, encode_basestring, encode_basestring_ascii  # type: ignore[attr-defined]

__all__ = ["encode_basestring", "encode_basestring_ascii", "make_encoder", "make_scanner"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def make_scanner(grammar: type) -> "Callable[[str, int], tuple[object, int]]":
    """A function that decodes the value at an index; raises StopIteration where there is none."""
    decoder = JSONDecoder(parse_float=grammar.parse_float, parse_constant=grammar.parse_constant)  # type: ignore[attr-defined]
    return decoder.scan_once  # type: ignore[attr-defined,no-any-return]


def make_encoder(
    markers: None,
    default: "Callable[[object], object]",
    quote: "Callable[[str], str]",
    indent: None,
    key_separator: str,
    item_separator: str,
    sort_keys: bool,
    skip_keys: bool,
    allow_nan: bool,
) -> "Callable[[object, int], Iterable[str]]":
    """A function that encodes a value piece by piece."""
    separators = (key_separator, item_separator)
    return _make_iterencode(  # type: ignore[no-any-return]
        markers, default, quote, indent, _float_text, *separators, sort_keys, skip_keys, True
    )


def _float_text(value: float) -> str:
    if value - value != 0:
        raise ValueError(f"Out of range float values are not JSON compliant: {value!r}")
    return float.__repr__(value)

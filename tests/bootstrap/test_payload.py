"""JSON in and out."""

import collections
import decimal
import enum
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.errors import FunctionError
from bootstrap.payload import Marshaller, from_json

TEXTS = st.text(st.characters(exclude_categories=()))  # lone surrogates included
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=30)
PIECES = ["{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", ".5", "e9", "null", "tru", "NaN", " ", "\n", "\ufeff"]


class Point(NamedTuple):
    """A named tuple."""

    x: object
    y: object


class Row:
    """Something that can turn itself into a mapping."""

    def _asdict(self) -> dict[str, object]:
        return {"cells": [Point(1, Decimal("2.50"))]}


class Colour(enum.IntEnum):
    """A number with a name."""

    RED = 3


@pytest.mark.parametrize("ascii_only", [True, False])
@settings(deadline=None)
@given(value=VALUES)
def test_encoding_equals_the_standard_library(ascii_only: bool, value: object) -> None:
    """The same text as json.dumps, but for lone surrogates, which UTF-8 cannot hold and which are escaped."""
    expected = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    encoded = Marshaller(ascii_only=ascii_only).to_json(value)
    assert encoded == expected
    # Not `value`: two unpaired surrogates side by side are read back as the one character they spell.
    assert json.loads(encoded) == json.loads(json.dumps(value))


@settings(deadline=None)
@given(value=VALUES, indent=st.sampled_from([None, 0, 2]))
def test_decoding_equals_the_standard_library(value: object, indent: int | None) -> None:
    """Whatever json.dumps writes is read as json.loads reads it."""
    text = json.dumps(value, indent=indent)
    assert from_json(text) == json.loads(text)


def test_two_unpaired_surrogates_are_read_back_as_one_character() -> None:
    """A bug hypothesis found in an earlier form of the tests above: escapes side by side are a pair."""
    assert from_json(json.dumps("\ud800\udc00")) == "\U00010000"


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_what_is_accepted_is_what_the_standard_library_accepts(text: str) -> None:
    """Constants that are not JSON apart, and one byte order mark may come first."""
    try:
        expected = json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse)
    except ValueError:
        with pytest.raises(ValueError):
            from_json(text)
    else:
        assert from_json(text) == expected


def _refuse(name: str) -> None:
    raise ValueError(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("\n  ", "Expecting value: line 2 column 3 (char 3)"),
        ("[1,\n", "Expecting value: line 2 column 1 (char 4)"),
        ("{bad", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("1\n 2", "Extra data: line 2 column 2 (char 3)"),
    ],
)
def test_messages_name_the_place(text: str, message: str) -> None:
    """Line, column and offset, as `json` counts them."""
    with pytest.raises(ValueError) as caught:
        from_json(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+2"), "1E+2"),
        (Decimal("-0"), "-0"),
        ({"n": [Decimal("12345678901234567890.5")]}, '{"n": [12345678901234567890.5]}'),
        (Point(1, "b"), '{"x": 1, "y": "b"}'),
        ([Point(Point(1, 2), ())], '[{"x": {"x": 1, "y": 2}, "y": []}]'),
        (Row(), '{"cells": [{"x": 1, "y": 2.50}]}'),
        ({"raw": b"\xc3\xa4"}, '{"raw": "\\u00e4"}'),
        ({b"key": 1}, '{"key": 1}'),
        ({1: 1, 1.5: 2, None: 3, False: 4}, '{"1": 1, "1.5": 2, "null": 3, "false": 4}'),
        (collections.OrderedDict(b=1, a=2), '{"b": 1, "a": 2}'),
        (collections.defaultdict(list, a=[Decimal(1)]), '{"a": [1]}'),
        ([Colour.RED, (1, 2)], "[3, [1, 2]]"),
        ({"text": "1.5", "number": Decimal("1.5")}, '{"text": "1.5", "number": 1.5}'),
    ],
)
def test_more_than_the_standard_library_can_be_written(value: object, text: str) -> None:
    """Named tuples and whatever has _asdict() are objects, Decimals keep their digits, bytes are text."""
    assert Marshaller(ascii_only=True).marshal_response(value) == (text.encode(), "application/json")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [object()]}, "Object of type object is not JSON serializable"),
        ([1j], "Object of type complex is not JSON serializable"),
        ({(1, 2): 3}, "keys must be str, int, float, bool or None, not tuple"),
        ([b"\xff"], "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_what_cannot_be_written_is_named(value: object, message: str) -> None:
    """The message says which type is in the way."""
    with pytest.raises(FunctionError) as caught:
        Marshaller(ascii_only=True).marshal_response(value)
    assert caught.value.error_type == "Runtime.MarshalError"
    assert str(caught.value) == f"Unable to marshal response: {message}"


NAN, INFINITY = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (NAN, "$"),
        (INFINITY, "$"),
        ([1.5, -INFINITY], "$[1]"),
        (Point(NAN, 1), "$.x"),
        ({"rows": [{"price": 1.0}, {"unit price": NAN, "price": NAN}]}, "$.rows[1]['unit price']"),
        ({"a": {NAN: 1}}, "$.a[nan]"),
        ([Decimal("NaN")], "$[0]"),
        ([1, Decimal("sNaN123")], "$[1]"),
        ({"a": Decimal("-Infinity")}, "$.a"),
        ({Decimal("NaN"): 1}, "$[nan]"),
    ],
)
def test_nan_and_infinity_are_refused_with_their_place(value: object, path: str) -> None:
    """They are not JSON, whatever some decoders say."""
    with pytest.raises(FunctionError) as caught:
        Marshaller(ascii_only=True).marshal_response(value)
    message = f"Unable to marshal response: Out of range float values are not JSON compliant - at {path}"
    assert (caught.value.error_type, str(caught.value)) == ("Runtime.MarshalError", message)


def _circle(wrap: Callable[[list[object]], object]) -> list[object]:
    items: list[object] = []
    items.append(wrap(items))
    return items


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": x}, lambda x: Point(x, 1), lambda x: (x,)])
def test_a_circle_is_refused(wrap: Callable[[list[object]], object]) -> None:
    """Through any kind of container."""
    with pytest.raises(FunctionError, match="Circular reference detected"):
        Marshaller(ascii_only=True).marshal_response(_circle(wrap))


def test_the_same_value_twice_is_no_circle() -> None:
    """Only a container within itself is."""
    shared = Point(1, [])
    assert Marshaller(ascii_only=True).to_json([shared, shared]) == b'[{"x": 1, "y": []}, {"x": 1, "y": []}]'


@pytest.mark.parametrize("value", [b"raw", bytearray(b"raw"), memoryview(b"_raw_")[1:4], memoryview(b"r.a.w.")[::2]])
def test_bytes_are_an_answer_of_their_own(value: object) -> None:
    """They leave as they are, under the content type AWS's runtime gives them."""
    assert Marshaller(ascii_only=True).marshal_response(value) == (b"raw", "application/unknown")


def test_a_byte_order_mark_is_skipped() -> None:
    """Some tools save JSON with one."""
    assert Marshaller(ascii_only=True).unmarshal_request(b"\xef\xbb\xbf [1]") == [1]


def test_decimal_is_the_one_that_was_imported() -> None:
    """Contexts do not change what is written."""
    with decimal.localcontext() as context:
        context.prec = 2
        assert Marshaller(ascii_only=True).to_json(Decimal("1.23456")) == b"1.23456"


def test_a_lone_surrogate_is_escaped_in_utf8() -> None:
    """UTF-8 has no bytes for it."""
    assert Marshaller(ascii_only=False).to_json("ä\ud800") == '"ä\\ud800"'.encode()

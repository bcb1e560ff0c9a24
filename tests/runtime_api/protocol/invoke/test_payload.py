from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime_api.protocol.invoke.errors import InvalidRequestContent
from runtime_api.protocol.invoke.payload import checked_payload

PREFIX = "Could not parse request body into json: Could not parse payload into json: "


def is_json(payload: bytes) -> bool:
    """RFC 8259, by Python's parser with its additions taken away."""

    def refuse(_name: str) -> None:
        raise ValueError

    try:
        json.loads(payload.decode(), parse_constant=refuse, parse_int=str)
    except ValueError:
        return False
    return True


def accepts(payload: bytes) -> bool:
    """Whether the payload passes; what passes is unchanged."""
    try:
        assert checked_payload(payload) == payload
    except InvalidRequestContent:
        return False
    return True


TOKENS = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"a"',
        b'"',
        b"\\",
        b"1",
        b"-",
        b"0",
        b".",
        b"e",
        b"+",
        b" ",
        b"\n",
        b"\t",
        b"true",
        b"null",
        b"NaN",
        b"Infinity",
        b"\\u",
        b"d800",
        b"\x00",
        b"\x7f",
        b"\xc3\xa9",
        b"\xff",
        b"\xef\xbb\xbf",
    ]
)


@given(st.lists(TOKENS, min_size=1, max_size=12).map(b"".join))
@example(b'"\\ud800"')
@example(b'["\\ud800",' + b"1" * 5000 + b"]")
@example(b"1" * 5000)
@example(b"NaN")
@example(b"-Infinity")
@example(b"1e999")
@example(b'\xef\xbb\xbf"a"')
@example(b'"\xed\xa0\x80"')
@example(b'"\x1f"')
@example(b" ")
def test_what_is_json_is_decided_as_by_the_standard(payload: bytes) -> None:
    """Broken and odd documents get the verdict of a reference parser."""
    assert accepts(payload) == is_json(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_every_json_value_passes_unchanged(value: object, ascii_only: bool) -> None:
    """Whatever Python can write as JSON is an event, byte for byte."""
    payload = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert checked_payload(payload) is payload


def test_no_payload_is_an_empty_object() -> None:
    """A call without a body gives the function `{}`."""
    assert checked_payload(b"") == b"{}"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{'a':1}", "Unexpected character (''' (code 39)) at line: 1, column: 2"),
        (b'{"a":1', "Unexpected end-of-input at line: 1, column: 7"),
        (b"[1,\n 2,\n x]", "Unexpected character ('x' (code 120)) at line: 3, column: 2"),
        (b"\x87", "Invalid UTF-8 start byte 0x87 at byte 0"),
        (b"[NaN]", "Non-standard token 'NaN': it is not JSON"),
        (b"  ", "Unexpected end-of-input at line: 1, column: 3"),
    ],
)
def test_a_refusal_says_where(payload: bytes, reason: str) -> None:
    """The text names the character and its place."""
    with pytest.raises(InvalidRequestContent) as refused:
        checked_payload(payload)
    assert refused.value.message == PREFIX + reason


def test_a_bottomless_document_is_refused() -> None:
    """Nesting beyond what parsers bear is the caller's fault, not a crash."""
    with pytest.raises(InvalidRequestContent, match="nesting depth"):
        checked_payload(b"[" * 100_000 + b"]" * 100_000)

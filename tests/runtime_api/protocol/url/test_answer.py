from __future__ import annotations

import pytest

from runtime_api.protocol.url.answer import (
    NotJson,
    UnusableAnswer,
    UrlAnswer,
    parse_result,
    read_body,
    read_cookies,
    read_headers,
    read_multi_value_headers,
    read_status,
)


@pytest.mark.parametrize(("value", "status"), [(200, 200), ("418", 418), (599, 599), ("204", 204)])
def test_a_status_is_a_number_or_its_digits(value: object, status: int) -> None:
    """Both are taken, as recorded."""
    assert read_status(value) == status


@pytest.mark.parametrize(
    "value", [None, True, 0, 100, 101, 199, 600, -200, 200.0, "20", "0200", "2\uff10\uff10", " 200", "abc", [], {}]
)
def test_no_other_status_is_sent(value: object) -> None:
    """Neither what is none, nor one that lets the caller wait for another."""
    with pytest.raises(UnusableAnswer, match="statusCode"):
        read_status(value)


def test_header_values_become_text() -> None:
    """Numbers and booleans as JSON has them; a null is no header."""
    assert read_headers({"a": "b", "n": 5, "f": 1.5, "t": True, "none": None}) == [
        ("a", "b"),
        ("n", "5"),
        ("f", "1.5"),
        ("t", "true"),
    ]


def test_what_is_not_the_functions_to_say_is_left_out() -> None:
    """The framing of the body, the connection, and the ids of the invocation."""
    ours = ["Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "Upgrade", "X-Amzn-RequestId"]
    assert read_headers({**dict.fromkeys(ours, "1"), "x": "y"}) == [("x", "y")]


@pytest.mark.parametrize(
    "headers",
    [
        {"a": "b\r\nEvil: 1"},
        {"a": "b\nc"},
        {"a": "b\rc"},
        {"a": "\0"},
        {"a": "b\x0b"},
        {"a\r\nEvil": "1"},
        {"a b": "1"},
        {"a:": "1"},
        {"": "1"},
        {"é": "1"},
        {"a": ["b"]},
        {"a": {}},
        [],
        "a: b",
    ],
)
def test_headers_that_could_split_an_answer_are_refused(headers: object) -> None:
    """As is whatever else is no header: nothing of such an answer is sent."""
    with pytest.raises(UnusableAnswer):
        read_headers(headers)


def test_headers_of_many_values_keep_them_all() -> None:
    """In their order, each a header of its own."""
    assert read_multi_value_headers({"a": ["1", 2], "b": []}) == [("a", "1"), ("a", "2")]
    with pytest.raises(UnusableAnswer):
        read_multi_value_headers({"a": "1"})


def test_cookies_are_headers() -> None:
    """One Set-Cookie each; they cannot split an answer either."""
    assert read_cookies(["a=1; Secure", "b=2"]) == [("Set-Cookie", "a=1; Secure"), ("Set-Cookie", "b=2")]
    assert read_cookies(None) == []
    for value in ("a=1", ["a=1\r\nEvil: 1"], [["a"]], [None]):
        with pytest.raises(UnusableAnswer):
            read_cookies(value)


def test_a_body_is_text_or_base64() -> None:
    """Base64 only where the result says so; half a surrogate pair is replaced."""
    assert read_body(None, True) == b""
    assert read_body("aGk=", False) == b"aGk="
    assert read_body("aGk=", True) == b"hi"
    assert read_body("aG\r\nk=\n", True) == b"hi"
    assert read_body("\ud800é", None) == "?é".encode()


@pytest.mark.parametrize(
    ("value", "is_base64"), [({}, False), (1, False), (["a"], True), ("a", True), ("é", True), ("aG@k=", True)]
)
def test_no_other_body_is_sent(value: object, is_base64: bool) -> None:
    """Neither what is not text, nor base64 that is none."""
    with pytest.raises(UnusableAnswer, match="body"):
        read_body(value, is_base64)


@pytest.mark.parametrize(
    ("payload", "value"), [(b'{"a":"\\ud800"}', {"a": "\ud800"}), (b' [1, "\xc3\xa9"]', [1, "é"]), (b"null", None)]
)
def test_results_are_json(payload: bytes, value: object) -> None:
    """All of it, lone surrogates too."""
    assert parse_result(payload) == value


@pytest.mark.parametrize("payload", [b"", b"hello", b"NaN", b'"\xff"', b"{} {}", b"[" * 100_000])
def test_other_results_are_refused(payload: bytes) -> None:
    """By name, so that a stream that was collected can be told from a mistake."""
    with pytest.raises(NotJson):
        parse_result(payload)


def test_a_type_is_added_once() -> None:
    """Where the function named one, in whatever spelling, it stays."""
    bare = UrlAnswer(200, [], b"").with_default_type("a/b")
    assert bare.headers == [("Content-Type", "a/b")]
    assert bare.with_default_type("c/d") == bare
    assert UrlAnswer(200, [("content-TYPE", "x/y")], b"").with_default_type("a/b").headers == [("content-TYPE", "x/y")]

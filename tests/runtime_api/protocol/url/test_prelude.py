from __future__ import annotations

import pytest

from runtime_api.protocol.url.answer import UnusableAnswer, UrlAnswer
from runtime_api.protocol.url.prelude import PRELUDE_LIMIT_BYTES, Prelude, is_http_integration, read_collected

END = b"\0" * 8
HEAD = b'{"statusCode":201,"headers":{"content-type":"text/html"},"cookies":["a=1"]}'
ANSWER = UrlAnswer(201, [("content-type", "text/html"), ("Set-Cookie", "a=1")], b"hello")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 50, 1000])
def test_a_head_may_come_in_pieces(size: int) -> None:
    """Of any size, with the eight bytes split as well; what follows them in the last piece is the body's beginning."""
    stream, prelude = HEAD + END + b"hello", Prelude()
    for at in range(0, len(stream), size):
        answer = prelude.feed(stream[at : at + size])
        if answer is not None:
            assert answer.body == stream[len(HEAD) + 8 : at + size]
            assert answer.headers == ANSWER.headers
            return
    pytest.fail("the head was never whole")


def test_a_whole_stream_is_read_at_once() -> None:
    """NUL bytes of the body are none of the head's business."""
    assert read_collected(HEAD + END + b"hello") == ANSWER
    assert read_collected(HEAD + END + END).body == END


@pytest.mark.parametrize("head", [b"", b"{}", b'{"headers":null,"cookies":null}'])
def test_a_head_need_not_say_anything(head: bytes) -> None:
    """Then the status is 200 and the type that of any bytes."""
    assert read_collected(head + END) == UrlAnswer(200, [("Content-Type", "application/octet-stream")], b"")


def test_headers_of_many_values_are_taken() -> None:
    """As API Gateway takes them."""
    answer = read_collected(b'{"multiValueHeaders":{"a":["1","2"]}}' + END)
    assert answer.headers[:2] == [("a", "1"), ("a", "2")]


@pytest.mark.parametrize(
    "stream",
    [
        HEAD,
        b"",
        HEAD + END[1:],
        b"hello" + END,
        b"[]" + END,
        b'{"statusCode":"x"}' + END,
        b'{"headers":{"a":"b\\r\\nEvil: 1"}}' + END,
        b'{"cookies":["\\u0000"]}' + END,
    ],
)
def test_a_head_that_is_none_is_refused(stream: bytes) -> None:
    """Cut short, no JSON, or with what may not be sent."""
    with pytest.raises(UnusableAnswer):
        read_collected(stream)


def test_a_head_has_an_end() -> None:
    """A stream that never ends its head is refused before it fills the memory, and one just within the bound is not."""
    prelude = Prelude()
    for _ in range(PRELUDE_LIMIT_BYTES // 1024):
        assert prelude.feed(b" " * 1024) is None
    with pytest.raises(UnusableAnswer, match="longer"):
        prelude.feed(b" ")
    padded = HEAD.ljust(PRELUDE_LIMIT_BYTES)
    assert read_collected(padded + END + b"hello") == ANSWER
    with pytest.raises(UnusableAnswer, match="longer"):
        read_collected(padded + b" " + END)


@pytest.mark.parametrize(
    ("content_type", "is_one"),
    [
        ("application/vnd.awslambda.http-integration-response", True),
        ("Application/VND.awslambda.http-integration-response; v=1", True),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_the_type_says_whether_there_is_a_head(content_type: str, is_one: bool) -> None:
    """Nothing else does."""
    assert is_http_integration(content_type) is is_one

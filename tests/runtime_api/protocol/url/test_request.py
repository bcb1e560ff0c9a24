from __future__ import annotations

import pytest

from runtime_api.protocol.url.request import grouped
from tests.runtime_api.protocol.url.url_requests import url_request

JSON = [("Content-Type", "application/json")]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/plain; charset=utf-8",
        "TEXT/HTML",
        "application/xml",
        "application/javascript",
        "application/vnd.api+json",
    ],
)
def test_text_stays_text(content_type: str) -> None:
    """By the type the caller gave it."""
    assert url_request(headers=[("content-type", content_type)], body=b"caf\xc3\xa9").body_text() == ("café", False)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "multipart/form-data; boundary=x")],
        [("Content-Type", "application/x-www-form-urlencoded")],
        [("Content-Type", "application/octet-stream")],
        [*JSON, ("Content-Encoding", "gzip")],
    ],
)
def test_other_bodies_are_base64(headers: list[tuple[str, str]]) -> None:
    """Of another type, of none, or encoded: the function gets the very bytes."""
    assert url_request(headers=headers, body=b"a=1").body_text() == ("YT0x", True)


def test_text_that_is_none_is_base64() -> None:
    """Bytes that are not UTF-8 are passed on whole, whatever they were said to be."""
    assert url_request(headers=JSON, body=b"\xff").body_text() == ("/w==", True)


def test_no_body_is_none() -> None:
    """An empty body is no body."""
    assert url_request(headers=JSON).body_text() == (None, False)


def test_a_proxy_before_us_is_believed() -> None:
    """Its port and scheme stand; the caller's address is added to those it tells of."""
    sent = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"), ("x-forwarded-port", "443")]
    headers = grouped(url_request(headers=sent).forwarded(), lower=True)
    assert headers["x-forwarded-for"] == ["10.0.0.1, 192.0.2.7"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == (["https"], ["443"])


def test_a_connection_is_not_passed_on() -> None:
    """What speaks of the connection stays here; a body that came in chunks has a length now."""
    sent = [("Connection", "keep-alive, x"), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue"), ("TE", "a")]
    names = [name for name, _ in url_request(headers=sent, body=b"abc").forwarded()]
    assert names == [
        "Host",
        "Content-Length",
        "X-Forwarded-For",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "X-Amzn-Trace-Id",
    ]


def test_a_trace_of_the_caller_stays() -> None:
    """The header the caller sent is the one the function sees; a trace of our own is shown by its root."""
    assert ("X-Amzn-Trace-Id", "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e") in url_request().forwarded()
    assert ("x-amzn-trace-id", "Root=1-a-b") in url_request(headers=[("x-amzn-trace-id", "Root=1-a-b")]).forwarded()


def test_a_query_is_decoded() -> None:
    """Signs, pluses and names without value; what is no UTF-8 is replaced."""
    assert url_request(query="a=%2Fb&a=c+d&e&=f&g=%FF&h=1;2").query == [
        ("a", "/b"),
        ("a", "c d"),
        ("e", ""),
        ("", "f"),
        ("g", "\ufffd"),
        ("h", "1;2"),
    ]

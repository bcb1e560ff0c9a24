from __future__ import annotations

import pytest

from runtime_api.protocol.function.url_config import Cors
from runtime_api.protocol.url.cors import cors_headers, is_preflight, preflight_headers
from runtime_api.protocol.url.request import Pairs

ORIGIN = "https://app.example"
SENT = [("origin", ORIGIN)]
ASKED = [*SENT, ("Access-Control-Request-Method", "PUT")]
STRICT = Cors(
    allow_credentials=True,
    allow_headers=("x-a", "x-b"),
    allow_methods=("GET", "PUT"),
    allow_origins=("https://other.example", ORIGIN),
    expose_headers=("x-c",),
    max_age_s=300,
)


def test_a_preflight_is_told_all() -> None:
    """What the URL's configuration says, for the origin that asks."""
    assert preflight_headers(STRICT, ASKED) == [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", ORIGIN),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "x-c"),
        ("Access-Control-Allow-Methods", "GET,PUT"),
        ("Access-Control-Allow-Headers", "x-a,x-b"),
        ("Access-Control-Max-Age", "300"),
    ]


def test_another_answer_is_told_who_may_read_it() -> None:
    """And not what may be asked."""
    assert [name for name, _ in cors_headers(STRICT, SENT)] == [
        "Vary",
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
        "Access-Control-Expose-Headers",
    ]


@pytest.mark.parametrize("headers", [[], [("Origin", "https://evil.example")], [("Origin", "null")]])
def test_other_origins_are_told_nothing(headers: Pairs) -> None:
    """A cache learns that the next one might be."""
    assert cors_headers(STRICT, headers) == [("Vary", "Origin")]
    assert preflight_headers(STRICT, headers) == [("Vary", "Origin")]


def test_anyone_is_a_star() -> None:
    """Unless credentials are allowed: browsers take no star with them, so the origin is named."""
    anyone = Cors(allow_origins=("*",))
    assert cors_headers(anyone, SENT) == [("Access-Control-Allow-Origin", "*")]
    assert ("Access-Control-Allow-Origin", ORIGIN) in cors_headers(
        Cors(allow_origins=("*",), allow_credentials=True), SENT
    )


def test_no_origins_allow_none() -> None:
    """A configuration that names none lets none in."""
    assert cors_headers(Cors(), SENT) == [("Vary", "Origin")]


@pytest.mark.parametrize(
    ("method", "headers", "is_one"),
    [("OPTIONS", ASKED, True), ("OPTIONS", SENT, False), ("OPTIONS", [], False), ("GET", ASKED, False)],
)
def test_only_browsers_ask_first(method: str, headers: Pairs, is_one: bool) -> None:
    """Another OPTIONS is the function's."""
    assert is_preflight(method, headers) is is_one

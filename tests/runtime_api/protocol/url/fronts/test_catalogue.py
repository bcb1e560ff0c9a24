"""Our events and answers meet our bootstrap's: what one side writes, the other reads."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from bootstrap.web.answer import write_answer
from bootstrap.web.request import read_request
from runtime_api.protocol.function.url_config import UrlFormat
from runtime_api.protocol.url.fronts.catalogue import FRONTS
from tests.runtime_api.protocol.url.url_requests import url_request

FORMATS = get_args(UrlFormat)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("body", [b"", b'{"a": 1}', b"\xff\0"])
def test_a_request_arrives_whole(name: UrlFormat, body: bytes) -> None:
    """Through any front an app sees the method, path, query, headers and body that were sent."""
    sent = url_request(
        "/a%2Fb//c",
        "x=1&y=%2F%26",
        method="PATCH",
        headers=[("Content-Type", "application/json"), ("Cookie", "a=1; b=2"), ("Accept", "*/*")],
        body=body,
    )
    seen = read_request(json.loads(FRONTS[name].make_event(sent)))
    assert (seen.method, seen.root_path, seen.raw_path, seen.body) == ("PATCH", "", "/a%2Fb//c", body)
    assert seen.query_string.lower() == "x=1&y=%2f%26"
    assert (seen.client, seen.server) == (("192.0.2.7", 0), ("demo.lambda-url.localhost", 9000))
    assert seen.scheme == "http"
    assert {(b"cookie", b"a=1; b=2"), (b"accept", b"*/*")} <= set(seen.headers)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("body", [b"text", b"\xff\0"])
def test_an_answer_arrives_whole(name: UrlFormat, body: bytes) -> None:
    """Through any front a caller sees the status, headers, cookies and body that the app sent."""
    front = FRONTS[name]
    request = read_request(json.loads(front.make_event(url_request())))
    headers = [(b"content-type", b"text/plain"), (b"x-a", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    answer = front.read_answer(json.dumps(write_answer(request, 207, headers, body)).encode())
    assert (answer.status, answer.body) == (207, body)
    assert sorted((key.lower(), value) for key, value in answer.headers) == [
        ("content-type", "text/plain"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-a", "1"),
    ]


def test_every_format_has_a_front() -> None:
    """None can be configured that is not there."""
    assert set(FRONTS) == set(FORMATS)

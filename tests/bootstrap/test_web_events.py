"""Events read as HTTP requests, and HTTP responses written as results."""

import base64
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.errors import FunctionError
from bootstrap.web.answer import stream_head, write_answer
from bootstrap.web.request import HttpRequest, Source, read_request

from .web_events import API_HOST, Event, http_api, load_balancer, rest_api

EACH = {
    Source.HTTP_API: http_api(),
    Source.REST_API: rest_api(),
    Source.LOAD_BALANCER: load_balancer(),
    Source.LOAD_BALANCER_MULTI: load_balancer(multi=True),
}
CUSTOM = "api.example.com"


@pytest.mark.parametrize("source", EACH)
def test_each_source_is_recognised(source: Source) -> None:
    """By fields that only it has, and with what all have."""
    request = read_request(EACH[source])
    assert (request.source, request.method, request.raw_path, request.root_path) == (source, "GET", "/", "")
    assert (request.client, request.body, request.query_string) == (("192.0.2.1", 0), b"", "")
    assert request.http_version == "1.1"


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"Records": [], "x": 1}, "an object with Records, x"),
        ({}, "an object with no keys"),
        ([1], "list"),
        (b"bytes", "bytes"),
        ({"requestContext": {"connectionId": "1"}}, "an object with requestContext"),
    ],
)
def test_another_event_is_refused_with_what_was_expected(event: object, found: str) -> None:
    """The error names the sources and what came."""
    with pytest.raises(FunctionError) as caught:
        read_request(event)
    assert caught.value.error_type == "Runtime.UnmarshalError"
    assert str(caught.value) == (
        "Unable to unmarshal input: the app needs an HTTP request from a function URL, API Gateway or an Application "
        f"Load Balancer, got {found}"
    )


@pytest.mark.parametrize(
    ("event", "base_path", "root_path", "path"),
    [
        (http_api("/a/b"), "", "", "/a/b"),
        (http_api(""), "", "", "/"),
        (http_api("/prod/a", stage="prod", domain=API_HOST), "", "/prod", "/a"),
        (http_api("/prod", stage="prod", domain=API_HOST), "", "/prod", "/"),
        (http_api("/production", stage="prod", domain=API_HOST), "", "", "/production"),
        (http_api("/prod/a", stage="prod", domain=CUSTOM), "", "", "/a"),
        (http_api("/prod/v1/a", stage="prod", domain=API_HOST), "/v1", "/prod/v1", "/a"),
        (http_api("/prod/a"), "", "", "/prod/a"),
        (rest_api("/a", stage="prod"), "", "/prod", "/a"),
        (rest_api("/", stage="prod"), "", "/prod", "/"),
        (rest_api("/prod/a", stage="prod"), "", "/prod", "/prod/a"),
        (rest_api("/v1/a"), "v1/", "/v1", "/a"),
        (rest_api("/v1"), "/v1", "/v1", "/"),
        (rest_api("/v10"), "/v1", "", "/v10"),
        (rest_api("/prod/a") | {"version": "1.0"}, "", "", "/prod/a"),
        (load_balancer("/v1/a"), "/v1", "/v1", "/a"),
    ],
)
def test_stage_and_mapping_are_no_part_of_the_path(event: Event, base_path: str, root_path: str, path: str) -> None:
    """They become the root path where the caller's URL has them, and always in whole segments."""
    request = read_request(event, base_path)
    assert (request.root_path, request.path) == (root_path, path)


def test_a_stage_in_a_payload_of_format_1_is_known_by_its_domain() -> None:
    """An HTTP API has it in the path under its own domain only; elsewhere the first segment is the mapping's."""
    event = rest_api("/prod/a") | {"version": "1.0"}
    event["requestContext"] |= {"stage": "prod"}
    assert read_request(event).root_path == "/prod"
    event["requestContext"] |= {"domainName": CUSTOM}
    assert (read_request(event).root_path, read_request(event).path) == ("", "/prod/a")


@pytest.mark.parametrize(
    ("path", "raw_path", "decoded"),
    [
        ("/pa2%Fth/1", "/pa2%Fth/1", "/pa2%Fth/1"),
        ("/a%2Fb", "/a%2Fb", "/a/b"),
        ("/a b/é", "/a%20b/%C3%A9", "/a b/é"),
        ("/%ff", "/%ff", "/\ufffd"),
        ('/a?b#c"', "/a%3Fb%23c%22", '/a?b#c"'),
        ("//a//b", "//a//b", "//a//b"),
    ],
)
def test_paths_are_kept_raw_and_decoded(path: str, raw_path: str, decoded: str) -> None:
    """What is encoded stays so in the raw path; what cannot be in one is encoded."""
    for event in (http_api(path), rest_api(path), load_balancer(path)):
        request = read_request(event)
        assert (request.raw_path, request.path) == (raw_path, decoded)


def test_query_strings_say_what_the_caller_said() -> None:
    """Raw where AWS passes it raw, encoded again where AWS decoded it, and untouched where it did not."""
    assert read_request(http_api(query="a=1&a=%20&b&c=é")).query_string == "a=1&a=%20&b&c=%C3%A9"
    decoded = rest_api(query={"a": ["1", "x y&=+%41"], "é": [""]})
    assert read_request(decoded).query_string == "a=1&a=x%20y%26%3D%2B%2541&%C3%A9="
    encoded = {"a%5B%5D": ["1", "x+y%26%3D"], "b": ["\x7f é&"]}
    assert read_request(load_balancer(query=encoded)).query_string == "a%5B%5D=x+y%26%3D&b=%7F%20%C3%A9%26"
    assert read_request(load_balancer(query=encoded, multi=True)).query_string.startswith("a%5B%5D=1&a%5B%5D=x+y%26%3D")


@given(st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5), min_size=1, max_size=3), max_size=3))
def test_any_decoded_query_comes_out_as_it_was(query: dict[str, list[str]]) -> None:
    """Names and values of a REST API survive whatever characters they have."""
    expected = [(name, value) for name, values in query.items() for value in values]
    assert parse_qsl(read_request(rest_api(query=query)).query_string, keep_blank_values=True) == expected


@given(st.text(alphabet=st.characters(exclude_characters="%", exclude_categories=["Cs"]), max_size=20))
def test_any_path_is_ascii_and_decodes_to_what_it_was(path: str) -> None:
    """Also one that API Gateway decoded."""
    request = read_request(http_api("/" + path))
    assert request.raw_path.isascii()
    assert unquote(request.raw_path) == "/" + path


def test_headers_are_lower_case_bytes_with_every_value() -> None:
    """Several values of one name stay several; cookies are one header again; odd characters survive."""
    rest = read_request(rest_api(headers={"X-A": ["1", "é"], "X-€": ["€"]})).headers
    assert [pair for pair in rest if pair[0].startswith(b"x-") and b"forwarded" not in pair[0]] == [
        (b"x-a", b"1"),
        (b"x-a", "é".encode("latin-1")),
        ("x-€".encode(), "€".encode()),
    ]
    assert (b"cookie", b"a=b; c=d") in read_request(http_api(cookies=["a=b", "c=d"])).headers


def test_absent_maps_are_empty_ones() -> None:
    """A test event of the console has null for headers and query."""
    event = rest_api() | {"headers": None, "multiValueHeaders": None}
    request = read_request(event | {"requestContext": {"path": "/"}})
    assert (request.headers, request.query_string, request.client, request.server) == ([], "", None, None)
    assert request.scheme == "https"


@pytest.mark.parametrize("body", ["text é", b"\xff\x00", "", None])
def test_bodies_are_bytes_with_their_true_length(body: Any) -> None:  # noqa: ANN401
    """Base64 is decoded, text is UTF-8; Content-Length is corrected, Transfer-Encoding is over."""
    headers = {"content-length": "999", "transfer-encoding": "chunked"}
    request = read_request(http_api(body=body, headers=headers))
    expected = body.encode() if isinstance(body, str) else body or b""
    assert request.body == expected
    framing = [pair for pair in request.headers if pair[0] in (b"content-length", b"transfer-encoding")]
    assert framing == [(b"content-length", str(len(expected)).encode())]


def test_a_request_without_a_body_gets_no_length() -> None:
    """As with a server, GET has no Content-Length unless the caller sent one."""
    assert b"content-length" not in dict(read_request(http_api()).headers)


@pytest.mark.parametrize(
    ("event", "server", "scheme"),
    [
        (http_api(domain="a.b"), ("a.b", 443), "https"),
        (http_api(headers={"host": "localhost:9000"}), ("localhost", 9000), "https"),
        (http_api(headers={"host": "a.b", "x-forwarded-port": "8443"}), ("a.b", 8443), "https"),
        (http_api(headers={"host": "[::1]:80", "x-forwarded-proto": "http"}), ("[::1]", 80), "http"),
        (load_balancer(), ("lb.example.com", 80), "http"),
    ],
)
def test_the_server_is_the_one_the_caller_named(event: Event, server: tuple[str, int], scheme: str) -> None:
    """From the Host header, with the port of it or of the load balancer."""
    request = read_request(event)
    assert (request.server, request.scheme) == (server, scheme)


HEADERS = [
    (b"Content-Type", b"text/plain"),
    (b"vary", b"a"),
    (b"Vary", b"b"),
    (b"set-cookie", b"c=1"),
    (b"set-cookie", b"d=2"),
]


def _request(source: Source, method: str = "GET") -> HttpRequest:
    return read_request(EACH[source])._replace(method=method)


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        (Source.HTTP_API, {"headers": {"content-type": "text/plain", "vary": "a, b"}, "cookies": ["c=1", "d=2"]}),
        (
            Source.REST_API,
            {"multiValueHeaders": {"content-type": ["text/plain"], "vary": ["a", "b"], "set-cookie": ["c=1", "d=2"]}},
        ),
        (
            Source.LOAD_BALANCER,
            {
                "headers": {"content-type": "text/plain", "vary": "a, b", "set-cookie": "c=1", "Set-cookie": "d=2"},
                "statusDescription": "404 Not Found",
            },
        ),
        (
            Source.LOAD_BALANCER_MULTI,
            {
                "multiValueHeaders": {"content-type": ["text/plain"], "vary": ["a", "b"], "set-cookie": ["c=1", "d=2"]},
                "statusDescription": "404 Not Found",
            },
        ),
    ],
)
def test_each_source_is_answered_in_its_own_shape(source: Source, fields: dict[str, object]) -> None:
    """With several cookies in all of them."""
    answer = write_answer(_request(source), 404, HEADERS, b"body")
    assert answer == {"statusCode": 404, "body": "body", "isBase64Encoded": False} | fields


def test_hundreds_of_cookies_fit_the_headers_of_a_load_balancer() -> None:
    """Each under a spelling of its own."""
    cookies = [(b"set-cookie", b"%d" % number) for number in range(300)]
    assert sorted(write_answer(_request(Source.LOAD_BALANCER), 200, cookies, b"")["headers"].values()) == sorted(
        str(number) for number in range(300)
    )


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("text/html; charset=utf-8", "é".encode(), False),
        ("text/html; charset=latin-1", b"\xe9", True),
        ("application/problem+json", b"{}", False),
        ("image/svg+xml", b"<svg/>", False),
        ("", b"plain", False),
        ("", b"\xff", True),
        ("application/json", b"{}", False),
        ("APPLICATION/JSON", b"{}", False),
        ("application/octet-stream", b"ascii", True),
        ("image/png", b"\x89PNG", True),
        ("application/octet-stream", b"", False),
    ],
)
def test_binary_bodies_are_base64(content_type: str, body: bytes, is_base64: bool) -> None:
    """By their type, and by their bytes where the type is a textual one."""
    headers = [(b"content-type", content_type.encode())] if content_type else []
    answer = write_answer(_request(Source.HTTP_API), 200, headers, body)
    assert answer["isBase64Encoded"] is is_base64
    assert (base64.b64decode(answer["body"]) if is_base64 else answer["body"].encode()) == body


def test_encoded_bodies_are_binary() -> None:
    """A body under Content-Encoding is no text, whatever its type; `identity` says nothing."""
    headers = [(b"content-type", b"text/plain"), (b"content-encoding", b"gzip")]
    assert write_answer(_request(Source.HTTP_API), 200, headers, b"zipped")["isBase64Encoded"] is True
    headers = [(b"content-type", b"text/plain"), (b"content-encoding", b"identity")]
    assert write_answer(_request(Source.HTTP_API), 200, headers, b"plain")["isBase64Encoded"] is False


def test_answers_without_a_body_have_none() -> None:
    """HEAD keeps the length the app gave, 204 has none, and neither has what the app wrote all the same."""
    headers = [(b"content-length", b"4")]
    head = write_answer(_request(Source.HTTP_API, "HEAD"), 200, headers, b"body")
    assert (head["body"], head["headers"]) == ("", {"content-length": "4"})
    empty = write_answer(_request(Source.HTTP_API), 204, headers, b"body")
    assert (empty["body"], empty["headers"]) == ("", {})
    unchanged = write_answer(_request(Source.HTTP_API), 304, headers, b"body")
    assert (unchanged["body"], unchanged["headers"]) == ("", {"content-length": "4"})


def test_an_unknown_status_has_no_description() -> None:
    """The number alone is enough."""
    assert write_answer(_request(Source.LOAD_BALANCER), 299, [], b"")["statusDescription"] == "299"


def test_a_stream_has_its_cookies_apart() -> None:
    """The head of a streamed answer is the same for function URLs and REST APIs."""
    for source in (Source.HTTP_API, Source.REST_API):
        head = stream_head(_request(source), 201, HEADERS)
        assert (head.status_code, head.cookies) == (201, ["c=1", "d=2"])
        assert head.headers == {"content-type": "text/plain", "vary": "a, b"}


def test_a_load_balancer_takes_no_stream() -> None:
    """It would pass the head on as a part of the body."""
    with pytest.raises(ValueError, match="a load balancer takes no streamed answer"):
        stream_head(_request(Source.LOAD_BALANCER), 200, [])

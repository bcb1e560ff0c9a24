from __future__ import annotations

import json

import pytest

from runtime_api.protocol.url.answer import UnusableAnswer, UrlAnswer
from runtime_api.protocol.url.fronts.payload_v2 import FUNCTION_URL, HTTP_API
from tests.runtime_api.protocol.url.url_requests import REQUEST_ID, url_request

TYPE = ("Content-Type", "application/json")
ADDED = {
    "x-forwarded-for": "192.0.2.7",
    "x-forwarded-port": "9000",
    "x-forwarded-proto": "http",
    "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
}
TLS = {"x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256", "x-amzn-tls-version": "TLSv1.3"}
REQUEST = url_request(
    "/pa2%Fth/1",
    "q=query&multiQuery=foo&multiQuery=%2Fbar",
    method="POST",
    headers=[
        ("User-Agent", "test/echo"),
        ("ExTrA-HeadErs", "With WeiRd CapS"),
        ("extra-headers", "twice"),
        ("Cookie", "a=1; b=2,3"),
        ("cookie", "c=4"),
        ("Content-Type", "application/json"),
        ("Content-Length", "14"),
    ],
    body=b'{"foo": "bar"}',
)


def test_the_event_of_a_function_url_is_as_recorded() -> None:
    """Every member, in the service's order."""
    expected = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/pa2%Fth/1",
        "rawQueryString": "q=query&multiQuery=foo&multiQuery=%2Fbar",
        "cookies": ["a=1", "b=2,3", "c=4"],
        "headers": {
            "host": "demo.lambda-url.localhost:9000",
            "user-agent": "test/echo",
            "extra-headers": "With WeiRd CapS,twice",
            "content-type": "application/json",
            "content-length": "14",
            **ADDED,
            **TLS,
        },
        "queryStringParameters": {"q": "query", "multiQuery": "foo,/bar"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "demo",
            "authentication": None,
            "domainName": "demo.lambda-url.localhost",
            "domainPrefix": "demo",
            "http": {
                "method": "POST",
                "path": "/pa2%Fth/1",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "test/echo",
            },
            "requestId": REQUEST_ID,
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1584039838347,
        },
        "body": '{"foo": "bar"}',
        "pathParameters": None,
        "isBase64Encoded": False,
        "stageVariables": None,
    }
    # As text, so that the order counts.
    assert FUNCTION_URL.make_event(REQUEST).decode() == json.dumps(expected, separators=(",", ":"))


def test_what_a_request_has_none_of_is_not_there() -> None:
    """Neither null nor empty."""
    event = json.loads(FUNCTION_URL.make_event(url_request()))
    assert event.keys().isdisjoint({"cookies", "queryStringParameters", "body"})
    assert event["requestContext"].keys().isdisjoint({"authorizer"})
    assert "userAgent" not in event["requestContext"]["http"]
    assert (event["rawPath"], event["rawQueryString"], event["isBase64Encoded"]) == ("/", "", False)


def test_a_signature_tells_whose_it_is() -> None:
    """The account, and the access key that was used."""
    context = json.loads(FUNCTION_URL.make_event(url_request(access_key="AKIDEXAMPLE")))["requestContext"]
    assert context["accountId"] == "123456789012"
    assert context["authorizer"] == {
        "iam": {
            "accessKey": "AKIDEXAMPLE",
            "accountId": "123456789012",
            "callerId": "123456789012",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::123456789012:root",
            "userId": "123456789012",
        }
    }


def test_an_http_api_knows_its_account() -> None:
    """The same event otherwise, without what only function URLs add."""
    url, api = json.loads(FUNCTION_URL.make_event(REQUEST)), json.loads(HTTP_API.make_event(REQUEST))
    assert api.pop("requestContext")["accountId"] == "123456789012"
    del url["requestContext"], url["pathParameters"], url["stageVariables"]
    url["headers"] = {name: value for name, value in url["headers"].items() if name not in TLS}
    assert api == url


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"hello": "world"}', b'{"hello":"world"}'),
        (b'["hello", 3, true]', b'["hello",3,true]'),
        (b"3", b"3"),
        (b"3.1", b"3.1"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b'"hello"', b"hello"),
        (b'""', b""),
        (b'{"caf\xc3\xa9": "\\u00e9"}', '{"café":"é"}'.encode()),
        (b'{"statusCodes": 1}', b'{"statusCodes":1}'),
    ],
)
def test_a_result_without_status_is_a_body(payload: bytes, body: bytes) -> None:
    """As recorded: compact JSON, and a string without its quotes."""
    assert FUNCTION_URL.read_answer(payload) == UrlAnswer(200, [TYPE], body)


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ({"statusCode": 201}, UrlAnswer(201, [TYPE], b"")),
        ({"statusCode": "418", "body": "i'm a teapot"}, UrlAnswer(418, [TYPE], b"i'm a teapot")),
        (
            {"statusCode": 200, "headers": {"content-type": "text/html", "X-A": "b"}, "body": "<p>"},
            UrlAnswer(200, [("content-type", "text/html"), ("X-A", "b")], b"<p>"),
        ),
        (
            {"statusCode": 200, "cookies": ["a=1", "b=2"], "multiValueHeaders": {"x": ["y"]}},
            UrlAnswer(200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), TYPE], b""),
        ),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, UrlAnswer(200, [TYPE], b"hi")),
        ({"statusCode": 200, "body": {"a": [1, None]}}, UrlAnswer(200, [TYPE], b'{"a":[1,null]}')),
        ({"statusCode": 200, "body": 5}, UrlAnswer(200, [TYPE], b"5")),
        ({"statusCode": 200, "headers": None, "cookies": None, "body": None}, UrlAnswer(200, [TYPE], b"")),
    ],
)
def test_a_result_with_a_status_is_an_answer(result: object, answer: UrlAnswer) -> None:
    """Headers, cookies and body are read from it; the type is JSON where it names none."""
    assert FUNCTION_URL.read_answer(json.dumps(result).encode()) == answer


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "x"},
        {"statusCode": None},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "body": "a", "isBase64Encoded": True},
    ],
)
def test_a_result_that_is_no_answer_is_refused(result: object) -> None:
    """As a whole."""
    with pytest.raises(UnusableAnswer):
        FUNCTION_URL.read_answer(json.dumps(result).encode())


def test_each_front_fails_in_its_own_words() -> None:
    """A function URL with text, an HTTP API with JSON."""
    assert (FUNCTION_URL.failed.status, FUNCTION_URL.failed.body) == (502, b"Internal Server Error")
    assert (HTTP_API.failed.status, HTTP_API.failed.body) == (500, b'{"message":"Internal Server Error"}')


def test_results_are_refused_where_they_are_nested_too_deeply() -> None:
    """One that can be read may still be too deep to be written; at no depth is there another error."""
    refused = [_is_refused(b"[" * depth + b"]" * depth) for depth in (*range(850, 1000), 100_000)]
    assert refused == sorted(refused)
    assert (refused[0], refused[-1]) == (False, True)


def _is_refused(result: bytes) -> bool:
    try:
        FUNCTION_URL.read_answer(result)
    except UnusableAnswer:
        return True
    return False

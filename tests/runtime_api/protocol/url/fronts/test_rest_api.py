from __future__ import annotations

import json

import pytest

from runtime_api.protocol.url.answer import UnusableAnswer, UrlAnswer
from runtime_api.protocol.url.fronts.rest_api import REST_API
from tests.runtime_api.protocol.url.url_requests import REQUEST_ID, url_request

TYPE = ("Content-Type", "application/json")


def test_the_event_is_as_documented() -> None:
    """Headers as they were spelled, the last value and all values of everything, null for what there is none of."""
    request = url_request(
        "/my/pa%20th",
        "a=1&a=%2F2",
        method="PUT",
        headers=[("X-A", "1"), ("X-A", "2"), ("User-Agent", "curl")],
        body=b"\xff",
    )
    event = json.loads(REST_API.make_event(request))
    headers = event.pop("multiValueHeaders")
    assert event.pop("headers") == {name: values[-1] for name, values in headers.items()}
    assert headers == {
        "Host": ["demo.lambda-url.localhost:9000"],
        "X-A": ["1", "2"],
        "User-Agent": ["curl"],
        "Content-Length": ["1"],
        "X-Forwarded-For": ["192.0.2.7"],
        "X-Forwarded-Port": ["9000"],
        "X-Forwarded-Proto": ["http"],
        "X-Amzn-Trace-Id": ["Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e"],
    }
    context = event.pop("requestContext")
    assert context["identity"]["sourceIp"] == "192.0.2.7"
    assert context["identity"]["userAgent"] == "curl"
    assert (context["path"], context["requestId"], context["httpMethod"]) == ("/my/pa%20th", REQUEST_ID, "PUT")
    assert (context["requestTime"], context["requestTimeEpoch"]) == ("12/Mar/2020:19:03:58 +0000", 1584039838347)
    assert event == {
        "resource": "/{proxy+}",
        "path": "/my/pa%20th",
        "httpMethod": "PUT",
        "queryStringParameters": {"a": "/2"},
        "multiValueQueryStringParameters": {"a": ["1", "/2"]},
        "pathParameters": {"proxy": "my/pa%20th"},
        "stageVariables": None,
        "body": "/w==",
        "isBase64Encoded": True,
    }


def test_the_root_is_a_resource_of_its_own() -> None:
    """Without a proxy path; query and body are null."""
    event = json.loads(REST_API.make_event(url_request()))
    nothing = ("pathParameters", "queryStringParameters", "multiValueQueryStringParameters", "body")
    assert [event[name] for name in nothing] == [None] * 4
    assert (event["resource"], event["requestContext"]["resourcePath"]) == ("/", "/")


def test_a_signature_is_an_identity() -> None:
    """Of the account's root."""
    identity = json.loads(REST_API.make_event(url_request(access_key="AKID")))["requestContext"]["identity"]
    assert (identity["accessKey"], identity["userArn"]) == ("AKID", "arn:aws:iam::123456789012:root")


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ({}, UrlAnswer(200, [TYPE], b"")),
        ({"statusCode": 404, "body": "no"}, UrlAnswer(404, [TYPE], b"no")),
        (
            {"headers": {"A": "1", "B": "2"}, "multiValueHeaders": {"a": ["3", "4"]}},
            UrlAnswer(200, [("B", "2"), ("a", "3"), ("a", "4"), TYPE], b""),
        ),
    ],
)
def test_a_result_is_an_answer(result: object, answer: UrlAnswer) -> None:
    """A status need not be there; of a header in both forms the list counts."""
    assert REST_API.read_answer(json.dumps(result).encode()) == answer


@pytest.mark.parametrize(
    "result", [None, "hello", [], {"message": "hi"}, {"statusCode": 200, "cookies": []}, {"body": {}}, {"body": 1}]
)
def test_a_malformed_result_is_refused(result: object) -> None:
    """Whatever is no object, has a member that answers have not, or a body that is no string."""
    with pytest.raises(UnusableAnswer):
        REST_API.read_answer(json.dumps(result).encode())
    assert (REST_API.failed.status, REST_API.failed.body) == (502, b'{"message": "Internal server error"}')

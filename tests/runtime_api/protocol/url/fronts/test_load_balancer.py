from __future__ import annotations

import json

import pytest

from runtime_api.protocol.url.answer import UnusableAnswer, UrlAnswer
from runtime_api.protocol.url.fronts.front import Front
from runtime_api.protocol.url.fronts.load_balancer import LOAD_BALANCER, LOAD_BALANCER_MULTI_VALUE
from tests.runtime_api.protocol.url.url_requests import url_request

TYPE = ("Content-Type", "application/octet-stream")
REQUEST = url_request(
    "/a", "b=%2F1&b=2&c", headers=[("X-A", "1"), ("x-a", "2"), ("Content-Type", "text/plain")], body=b"hi"
)
COMMON = {
    "requestContext": {
        "elb": {
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/demo/0000000000000000"
        }
    },
    "httpMethod": "GET",
    "path": "/a",
    "body": "hi",
    "isBase64Encoded": False,
}
HEADERS = {
    "host": ["demo.lambda-url.localhost:9000"],
    "x-a": ["1", "2"],
    "content-type": ["text/plain"],
    "content-length": ["2"],
    "x-forwarded-for": ["192.0.2.7"],
    "x-forwarded-port": ["9000"],
    "x-forwarded-proto": ["http"],
    "x-amzn-trace-id": ["Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e"],
}


def test_an_event_has_the_last_value_of_each_name() -> None:
    """Names of headers in lower case, the query as it was written."""
    assert json.loads(LOAD_BALANCER.make_event(REQUEST)) == {
        **COMMON,
        "queryStringParameters": {"b": "2", "c": ""},
        "headers": {name: values[-1] for name, values in HEADERS.items()},
    }


def test_an_event_has_all_values_where_that_is_switched_on() -> None:
    """And then has no members for one value."""
    assert json.loads(LOAD_BALANCER_MULTI_VALUE.make_event(REQUEST)) == {
        **COMMON,
        "multiValueQueryStringParameters": {"b": ["%2F1", "2"], "c": [""]},
        "multiValueHeaders": HEADERS,
    }


def test_no_body_is_empty() -> None:
    """And no query is an empty object."""
    event = json.loads(LOAD_BALANCER.make_event(url_request()))
    assert (event["body"], event["isBase64Encoded"], event["queryStringParameters"]) == ("", False, {})


@pytest.mark.parametrize(
    ("front", "result", "answer"),
    [
        (LOAD_BALANCER, {"statusCode": 200}, UrlAnswer(200, [TYPE], b"")),
        (
            LOAD_BALANCER,
            {"statusCode": 404, "statusDescription": "404 Gone Fishing", "headers": {"a": "b"}, "body": "hi"},
            UrlAnswer(404, [("a", "b"), TYPE], b"hi", "Gone Fishing"),
        ),
        (
            LOAD_BALANCER,
            {"statusCode": 200, "headers": {"set-cookie": "a=1", "Set-cookie": "b=2"}},
            UrlAnswer(200, [("set-cookie", "a=1"), ("Set-cookie", "b=2"), TYPE], b""),
        ),
        (LOAD_BALANCER, {"statusCode": 200, "multiValueHeaders": {"a": ["b"]}}, UrlAnswer(200, [TYPE], b"")),
        (
            LOAD_BALANCER_MULTI_VALUE,
            {"statusCode": 200, "multiValueHeaders": {"a": ["b", "c"]}, "headers": {"d": "e"}},
            UrlAnswer(200, [("a", "b"), ("a", "c"), TYPE], b""),
        ),
        (
            LOAD_BALANCER,
            {"statusCode": 200, "statusDescription": "200 OK\r\nEvil: 1"},
            UrlAnswer(200, [TYPE], b""),
        ),
    ],
)
def test_a_result_is_an_answer(front: Front, result: object, answer: UrlAnswer) -> None:
    """With the words beside the status, and the headers of the form that is switched on."""
    assert front.read_answer(json.dumps(result).encode()) == answer


@pytest.mark.parametrize("result", [None, "hello", [], {}, {"body": "hi"}, {"statusCode": "OK"}])
def test_a_result_without_status_is_refused(result: object) -> None:
    """With a page that says so."""
    with pytest.raises(UnusableAnswer):
        LOAD_BALANCER.read_answer(json.dumps(result).encode())
    assert LOAD_BALANCER.failed.status == 502
    assert b"502 Bad Gateway" in LOAD_BALANCER.failed.body

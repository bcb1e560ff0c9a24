"""HTTP requests as the events AWS makes of them, shortened to what matters."""

import base64
from typing import Any

HOST = "abc.lambda-url.us-east-1.on.aws"
API_HOST = "abc.execute-api.us-east-1.amazonaws.com"

Event = dict[str, Any]


def http_api(
    path: str = "/",
    method: str = "GET",
    *,
    query: str = "",
    headers: dict[str, str] | None = None,
    cookies: list[str] | None = None,
    body: str | bytes | None = None,
    stage: str = "$default",
    domain: str = HOST,
) -> Event:
    """A request to a function URL or to an HTTP API with payload format 2.0."""
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": domain, "x-forwarded-port": "443", "x-forwarded-proto": "https", **(headers or {})},
        "requestContext": {
            "domainName": domain,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": stage,
        },
        **_body(body),
    }
    return event | ({"cookies": cookies} if cookies else {})


def rest_api(
    path: str = "/",
    method: str = "GET",
    *,
    query: dict[str, list[str]] | None = None,
    headers: dict[str, list[str]] | None = None,
    body: str | bytes | None = None,
    stage: str = "",
) -> Event:
    """A request to a REST API, which sends each name once in the fields with one value."""
    named = {"Host": [API_HOST], "X-Forwarded-Port": ["443"], "X-Forwarded-Proto": ["https"], **(headers or {})}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in named.items()},
        "multiValueHeaders": named,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": query,
        "requestContext": {
            "domainName": API_HOST,
            "identity": {"sourceIp": "192.0.2.1"},
            "path": f"/{stage}{path}" if stage else path,
            "protocol": "HTTP/1.1",
            "stage": stage,
        },
        **({"body": None, "isBase64Encoded": False} | _body(body)),
    }


def load_balancer(
    path: str = "/",
    method: str = "GET",
    *,
    query: dict[str, list[str]] | None = None,
    headers: dict[str, list[str]] | None = None,
    body: str | bytes = "",
    multi: bool = False,
) -> Event:
    """A request through an Application Load Balancer; the query is percent-encoded as the caller sent it."""
    named = {
        "host": ["lb.example.com"],
        "x-forwarded-for": ["10.0.0.1, 192.0.2.1"],
        "x-forwarded-port": ["80"],
        "x-forwarded-proto": ["http"],
        **(headers or {}),
    }
    event: Event = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/demo/1"}},
        "httpMethod": method,
        "path": path,
        **_body(body),
    }
    if multi:
        return event | {"multiValueHeaders": named, "multiValueQueryStringParameters": query or {}}
    single = {name: values[-1] for name, values in (query or {}).items()}
    return event | {"headers": {name: values[-1] for name, values in named.items()}, "queryStringParameters": single}


def _body(body: str | bytes | None) -> Event:
    if body is None:
        return {"isBase64Encoded": False}
    if isinstance(body, bytes):
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body, "isBase64Encoded": False}

"""REST APIs of API Gateway with proxy integration, at a custom domain: one resource takes every path, and no stage is in it.

Source: set-up-lambda-proxy-integrations in the API Gateway Developer Guide.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runtime_api.protocol.names import CONTENT_TYPE_JSON
from runtime_api.protocol.url.answer import (
    UnusableAnswer,
    UrlAnswer,
    parse_result,
    read_body,
    read_headers,
    read_multi_value_headers,
    read_status,
)
from runtime_api.protocol.url.fronts.front import Front
from runtime_api.protocol.url.request import Pairs, UrlRequest, grouped

_STAGE = "prod"
_MEMBERS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_encode = msgspec.json.Encoder().encode


class Identity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who sent it."""

    access_key: str | None
    account_id: str | None
    caller: str | None
    cognito_authentication_provider: None = None
    cognito_authentication_type: None = None
    cognito_identity_id: None = None
    cognito_identity_pool_id: None = None
    principal_org_id: None = None
    source_ip: str
    user: str | None
    user_agent: str | None
    user_arn: str | None


class RequestContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the front knows of the request."""

    account_id: str
    api_id: str
    domain_name: str
    domain_prefix: str
    extended_request_id: str
    http_method: str
    identity: Identity
    path: str
    protocol: str
    request_id: str
    request_time: str
    request_time_epoch: int
    resource_id: str
    resource_path: str
    stage: str = _STAGE


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The event; what a request has none of is null."""

    resource: str
    path: str
    http_method: str
    headers: dict[str, str]
    multi_value_headers: dict[str, list[str]]
    query_string_parameters: dict[str, str] | None
    multi_value_query_string_parameters: dict[str, list[str]] | None
    path_parameters: dict[str, str] | None
    stage_variables: None = None
    request_context: RequestContext
    body: str | None
    is_base64_encoded: bool


def _make_event(request: UrlRequest) -> bytes:
    headers, query = grouped(request.forwarded()), grouped(request.query)
    proxy = request.address.raw_path.lstrip("/")
    resource = "/{proxy+}" if proxy else "/"
    body, is_base64 = request.body_text()
    event = Event(
        resource=resource,
        path=request.address.raw_path,
        http_method=request.method,
        headers=_last(headers),
        multi_value_headers=headers,
        query_string_parameters=_last(query) or None,
        multi_value_query_string_parameters=query or None,
        path_parameters={"proxy": proxy} if proxy else None,
        request_context=_context(request, resource),
        body=body,
        is_base64_encoded=is_base64,
    )
    return _encode(event)


def _context(request: UrlRequest, resource: str) -> RequestContext:
    address = request.address
    return RequestContext(
        account_id=request.account.account_id,
        api_id=address.prefix,
        domain_name=address.domain_name,
        domain_prefix=address.prefix,
        extended_request_id=request.request_id,
        http_method=request.method,
        identity=_identity(request),
        path=address.raw_path,
        protocol=request.protocol,
        request_id=request.request_id,
        request_time=request.time,
        request_time_epoch=int(request.time_ms),
        resource_id="proxy",
        resource_path=resource,
    )


def _identity(request: UrlRequest) -> Identity:
    account_id = None if request.access_key is None else request.account.account_id
    return Identity(
        access_key=request.access_key,
        account_id=account_id,
        caller=account_id,
        source_ip=request.source_ip,
        user=account_id,
        user_agent=request.header("user-agent"),
        user_arn=account_id and f"arn:aws:iam::{account_id}:root",
    )


def _last(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: members[-1] for name, members in values.items()}


def _read_answer(payload: bytes) -> UrlAnswer:
    result = parse_result(payload)
    if not isinstance(result, dict):
        raise UnusableAnswer("the result is not an object")
    unknown = sorted(result.keys() - _MEMBERS)
    if unknown:
        raise UnusableAnswer(f"the result has {', '.join(unknown)}, which an answer has not")
    answer = UrlAnswer(
        read_status(result.get("statusCode", 200)),
        _read_headers(result),
        read_body(result.get("body"), result.get("isBase64Encoded")),
    )
    return answer.with_default_type(CONTENT_TYPE_JSON)


def _read_headers(result: dict[str, Any]) -> Pairs:
    # A name in both: the values of the list alone count.
    multi = read_multi_value_headers(result.get("multiValueHeaders"))
    named = {name.lower() for name, _ in multi}
    return [pair for pair in read_headers(result.get("headers")) if pair[0].lower() not in named] + multi


REST_API = Front(
    make_event=_make_event,
    read_answer=_read_answer,
    failed=UrlAnswer(502, [("Content-Type", CONTENT_TYPE_JSON)], b'{"message": "Internal server error"}'),
)

"""Payload format 2.0: function URLs, and HTTP APIs of API Gateway, which differ in what they know of the caller.

Members come in the order the service sends them. A result with a `statusCode` is an answer; whatever else it is, it is the body of one.
Source: the Developer Guide's page urls-invocation, and http-api-develop-integrations-lambda of the API Gateway Developer Guide.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from runtime_api.protocol.names import CONTENT_TYPE_JSON
from runtime_api.protocol.url.answer import (
    UnusableAnswer,
    UrlAnswer,
    parse_result,
    read_body,
    read_cookies,
    read_headers,
    read_status,
)
from runtime_api.protocol.url.fronts.front import Front
from runtime_api.protocol.url.request import UrlRequest, grouped

_ROUTE = "$default"
_STAGE = "$default"
# A local URL has no TLS; the service's has, and says so.
_TLS_HEADERS = {"x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256", "x-amzn-tls-version": "TLSv1.3"}
_encode = msgspec.json.Encoder().encode


class Iam(msgspec.Struct, frozen=True, rename="camel"):
    """Whose signature it is."""

    access_key: str
    account_id: str
    caller_id: str
    cognito_identity: None
    principal_org_id: None
    user_arn: str
    user_id: str


class Authorizer(msgspec.Struct, frozen=True):
    """What is known of the caller."""

    iam: Iam


class Http(msgspec.Struct, frozen=True, rename="camel"):
    """The request line and who sent it."""

    method: str
    path: str
    protocol: str
    source_ip: str
    user_agent: str | UnsetType


class RequestContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the front knows of the request."""

    account_id: str
    api_id: str
    authentication: UnsetType | None
    authorizer: Authorizer | UnsetType
    domain_name: str
    domain_prefix: str
    http: Http
    request_id: str
    route_key: str = _ROUTE
    stage: str = _STAGE
    time: str
    time_epoch: int


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The event; members that are unset are not there."""

    version: str = "2.0"
    route_key: str = _ROUTE
    raw_path: str
    raw_query_string: str
    cookies: list[str] | UnsetType
    headers: dict[str, str]
    query_string_parameters: dict[str, str] | UnsetType
    request_context: RequestContext
    body: str | UnsetType
    path_parameters: UnsetType | None
    is_base64_encoded: bool
    stage_variables: UnsetType | None


def _function_url_event(request: UrlRequest) -> bytes:
    context = _context(request, request.account.account_id if request.access_key is not None else "anonymous", None)
    return _encode(_event(request, _TLS_HEADERS, context, None))


def _http_api_event(request: UrlRequest) -> bytes:
    return _encode(_event(request, {}, _context(request, request.account.account_id, UNSET), UNSET))


def _event(request: UrlRequest, added: dict[str, str], context: RequestContext, absent: UnsetType | None) -> Event:
    pairs = grouped(request.forwarded(), lower=True)
    cookies = [cookie.strip() for line in pairs.pop("cookie", []) for cookie in line.split(";")]
    body, is_base64 = request.body_text()
    return Event(
        raw_path=request.address.raw_path,
        raw_query_string=request.address.raw_query,
        cookies=[cookie for cookie in cookies if cookie] or UNSET,
        headers=_joined(pairs) | added,
        query_string_parameters=_joined(grouped(request.query)) or UNSET,
        request_context=context,
        body=UNSET if body is None else body,
        path_parameters=absent,
        is_base64_encoded=is_base64,
        stage_variables=absent,
    )


def _joined(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: ",".join(members) for name, members in values.items()}


def _context(request: UrlRequest, account_id: str, authentication: UnsetType | None) -> RequestContext:
    address = request.address
    user_agent = request.header("user-agent")
    return RequestContext(
        account_id=account_id,
        api_id=address.prefix,
        authentication=authentication,
        authorizer=UNSET if request.access_key is None else _authorizer(request.account.account_id, request.access_key),
        domain_name=address.domain_name,
        domain_prefix=address.prefix,
        http=Http(
            request.method,
            address.raw_path,
            request.protocol,
            request.source_ip,
            UNSET if user_agent is None else user_agent,
        ),
        request_id=request.request_id,
        time=request.time,
        time_epoch=int(request.time_ms),
    )


def _authorizer(account_id: str, access_key: str) -> Authorizer:
    root = f"arn:aws:iam::{account_id}:root"
    return Authorizer(Iam(access_key, account_id, account_id, None, None, root, account_id))


def _read_answer(payload: bytes) -> UrlAnswer:
    result = parse_result(payload)
    if isinstance(result, dict) and "statusCode" in result:
        return _read_response(result)
    body = result if isinstance(result, str) else _compact(result)
    return UrlAnswer(200, [("Content-Type", CONTENT_TYPE_JSON)], body.encode(errors="replace"))


def _read_response(result: dict[str, Any]) -> UrlAnswer:
    body = result.get("body")
    if body is not None and not isinstance(body, str):
        body = _compact(body)
    answer = UrlAnswer(
        read_status(result["statusCode"]),
        [*read_headers(result.get("headers")), *read_cookies(result.get("cookies"))],
        read_body(body, result.get("isBase64Encoded")),
    )
    return answer.with_default_type(CONTENT_TYPE_JSON)


def _compact(value: Any) -> str:  # noqa: ANN401  (any JSON)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise UnusableAnswer("the result is nested too deeply") from None


FUNCTION_URL = Front(
    make_event=_function_url_event,
    read_answer=_read_answer,
    failed=UrlAnswer(502, [("Content-Type", "text/plain")], b"Internal Server Error"),
)
HTTP_API = Front(
    make_event=_http_api_event,
    read_answer=_read_answer,
    failed=UrlAnswer(500, [("Content-Type", CONTENT_TYPE_JSON)], b'{"message":"Internal Server Error"}'),
)

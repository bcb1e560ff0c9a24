"""Application Load Balancers, with multi-value headers switched off and on.

They decode nothing: what the query says is passed on as it was written. A result without a status is no answer.
Source: lambda-functions in the User Guide for Application Load Balancers.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from runtime_api.protocol.names import CONTENT_TYPE_STREAM
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

_DESCRIPTION = re.compile(r"\d{3} ([\x20-\x7e]+)")
_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_encode = msgspec.json.Encoder().encode


class TargetGroup(msgspec.Struct, frozen=True, rename="camel"):
    """Where the load balancer found the function."""

    target_group_arn: str


class RequestContext(msgspec.Struct, frozen=True):
    """What the front knows of the request."""

    elb: TargetGroup


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The event, in one of its two forms; members that are unset are not there."""

    request_context: RequestContext
    http_method: str
    path: str
    query_string_parameters: dict[str, str] | UnsetType = UNSET
    multi_value_query_string_parameters: dict[str, list[str]] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    multi_value_headers: dict[str, list[str]] | UnsetType = UNSET
    body: str
    is_base64_encoded: bool


def _single_value_event(request: UrlRequest) -> bytes:
    headers, query = _last(_headers(request)), _last(_query(request))
    return _encode(_event(request, query_string_parameters=query, headers=headers))


def _multi_value_event(request: UrlRequest) -> bytes:
    headers, query = _headers(request), _query(request)
    return _encode(_event(request, multi_value_query_string_parameters=query, multi_value_headers=headers))


def _event(request: UrlRequest, **values: Any) -> Event:  # noqa: ANN401  (members of Event)
    body, is_base64 = request.body_text()
    return Event(
        request_context=RequestContext(TargetGroup(_target_group_arn(request))),
        http_method=request.method,
        path=request.address.raw_path,
        body=body or "",
        is_base64_encoded=is_base64,
        **values,
    )


def _target_group_arn(request: UrlRequest) -> str:
    account, name = request.account, request.address.name
    return f"arn:aws:elasticloadbalancing:{account.region}:{account.account_id}:targetgroup/{name}/0000000000000000"


def _headers(request: UrlRequest) -> dict[str, list[str]]:
    return grouped(request.forwarded(), lower=True)


def _query(request: UrlRequest) -> dict[str, list[str]]:
    parts = (part.partition("=") for part in request.address.raw_query.split("&") if part)
    return grouped([(name, value) for name, _, value in parts])


def _last(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: members[-1] for name, members in values.items()}


def _read_single_value(payload: bytes) -> UrlAnswer:
    result = _read_object(payload)
    return _read_answer(result, read_headers(result.get("headers")))


def _read_multi_value(payload: bytes) -> UrlAnswer:
    result = _read_object(payload)
    return _read_answer(result, read_multi_value_headers(result.get("multiValueHeaders")))


def _read_object(payload: bytes) -> dict[str, Any]:
    result = parse_result(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        raise UnusableAnswer("the result is not an object with a statusCode")
    return result


def _read_answer(result: dict[str, Any], headers: Pairs) -> UrlAnswer:
    description = _DESCRIPTION.fullmatch(str(result.get("statusDescription")))
    answer = UrlAnswer(
        read_status(result["statusCode"]),
        headers,
        read_body(result.get("body"), result.get("isBase64Encoded")),
        description[1] if description else None,
    )
    return answer.with_default_type(CONTENT_TYPE_STREAM)


_FAILED = UrlAnswer(502, [("Content-Type", "text/html")], _BAD_GATEWAY)
LOAD_BALANCER = Front(make_event=_single_value_event, read_answer=_read_single_value, failed=_FAILED)
LOAD_BALANCER_MULTI_VALUE = Front(make_event=_multi_value_event, read_answer=_read_multi_value, failed=_FAILED)

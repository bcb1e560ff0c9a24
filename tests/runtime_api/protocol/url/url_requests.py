"""Requests to URLs as the rules see them."""

from __future__ import annotations

from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.url.address import UrlAddress
from runtime_api.protocol.url.request import Pairs, UrlRequest

REQUEST_ID = "e1506fd5-9e7b-434f-bd42-4f8fa224b599"
TRACE_ID = "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e;Parent=53995c3f42cd8ad8;Sampled=0"


def url_request(
    path: str = "/",
    query: str = "",
    *,
    method: str = "GET",
    headers: Pairs | None = None,
    body: bytes = b"",
    access_key: str | None = None,
) -> UrlRequest:
    """A request to the URL of `demo`, on 12 March 2020."""
    return UrlRequest(
        address=UrlAddress("demo", None, path, query, "demo.lambda-url.localhost"),
        account=Account(),
        request_id=REQUEST_ID,
        trace_id=TRACE_ID,
        time_ms=1584039838347.9,
        method=method,
        headers=[("Host", "demo.lambda-url.localhost:9000"), *(headers or [])],
        body=body,
        source_ip="192.0.2.7",
        port=9000,
        access_key=access_key,
    )

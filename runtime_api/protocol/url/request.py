"""One request to a URL, and what every front makes of it: headers folded and added, the query decoded, the body as JSON can hold it.

Source: the Developer Guide's page urls-invocation; which bodies are text is said by lambda-functions in the User Guide for Application
Load Balancers.
"""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from urllib.parse import parse_qsl

import msgspec

from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.url.address import UrlAddress

Pairs = list[tuple[str, str]]

HEADER_FORWARDED_FOR = "X-Forwarded-For"
HEADER_FORWARDED_PORT = "X-Forwarded-Port"
HEADER_FORWARDED_PROTO = "X-Forwarded-Proto"
HEADER_TRACE_ID = "X-Amzn-Trace-Id"
# Of one connection, not of the request: nobody passes them on.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TEXT_TYPES = {"application/javascript", "application/json", "application/xml"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class UrlRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it arrived. `headers` are in the caller's order and spelling, `port` is the one it arrived at.

    `access_key` is that of the signature, for a URL that asks for one; `trace_id` is the invocation's.
    """

    address: UrlAddress
    account: Account
    request_id: str
    trace_id: str
    time_ms: float
    method: str
    headers: Pairs
    body: bytes = b""
    source_ip: str
    scheme: str = "http"
    port: int = 80
    protocol: str = "HTTP/1.1"
    access_key: str | None = None

    def header(self, name: str) -> str | None:
        """The first header of a name, which is lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def time(self) -> str:
        """When it arrived, in the way of access logs."""
        at = datetime.fromtimestamp(self.time_ms / 1000, timezone.utc)
        return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"

    @property
    def query(self) -> Pairs:
        """Names and values of the query, decoded."""
        return parse_qsl(self.address.raw_query, keep_blank_values=True, errors="replace")

    def forwarded(self) -> Pairs:
        """The headers a function is given, as any front passes them on: those of the connection are gone, and it says who called.

        What a proxy before us said of port and scheme stands.
        """
        passed = [(name, value) for name, value in self.headers if name.lower() not in HOP_BY_HOP]
        if self.body and self.header("content-length") is None:
            passed.append(("Content-Length", str(len(self.body))))
        passed = _appended(passed, HEADER_FORWARDED_FOR, self.source_ip)
        for name, value in (
            (HEADER_FORWARDED_PORT, str(self.port)),
            (HEADER_FORWARDED_PROTO, self.scheme),
            (HEADER_TRACE_ID, self.trace_id.partition(";")[0]),
        ):
            if self.header(name.lower()) is None:
                passed.append((name, value))
        return passed

    def body_text(self) -> tuple[str | None, bool]:
        """The body as text, None for none, and whether that is base64."""
        if not self.body:
            return None, False
        if _is_text(self.header("content-type"), self.header("content-encoding")):
            try:
                return self.body.decode(), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(self.body).decode(), True


def grouped(pairs: Pairs, *, lower: bool = False) -> dict[str, list[str]]:
    """All values of each name, in order; names that differ in capitals only are the same when made `lower`."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower() if lower else name, []).append(value)
    return found


def _appended(pairs: Pairs, name: str, value: str) -> Pairs:
    known = [text for key, text in pairs if key.lower() == name.lower()]
    rest = [pair for pair in pairs if pair[0].lower() != name.lower()]
    return [*rest, (name, ", ".join([*known, value]))]


def _is_text(content_type: str | None, content_encoding: str | None) -> bool:
    if (content_encoding or "identity").strip().lower() != "identity":
        return False
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith(("+json", "+xml"))

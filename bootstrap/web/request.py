"""Request: the events that stand for an HTTP request, read into one shape.

    HTTP_API             function URLs, and HTTP APIs of API Gateway (payload format 2.0)
    REST_API             REST APIs of API Gateway, and HTTP APIs with payload format 1.0
    LOAD_BALANCER        Application Load Balancers
    LOAD_BALANCER_MULTI  the same with multi-value headers switched on

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from ..errors import FunctionError
from ..surroundings.library import StandardLibrary

with StandardLibrary():
    from binascii import a2b_base64
    from collections.abc import Iterable, Mapping
    from enum import Enum
    from typing import Any, NamedTuple
    from urllib.parse import quote, unquote

# What stands for itself in a path and in a query string; what is encoded already stays as it is.
PATH_SAFE = "/%:@!$&'()*+,;=~"
QUERY_SAFE = "/%:@!$'()*+,;=~?"
DEFAULT_PORTS = {"http": 80, "https": 443}


class Source(Enum):
    """Where an event comes from, which decides how it is read and answered."""

    HTTP_API = "2.0"
    REST_API = "1.0"
    LOAD_BALANCER = "load balancer"
    LOAD_BALANCER_MULTI = "load balancer, multi-value headers"


class HttpRequest(NamedTuple):
    """One request; `root_path` and `raw_path` together are the path the caller used, percent-encoded."""

    source: Source
    method: str
    scheme: str
    http_version: str
    root_path: str
    raw_path: str
    query_string: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    client: tuple[str, int] | None
    server: tuple[str, int] | None

    @property
    def path(self) -> str:
        """The path below the root path, decoded."""
        return unquote(self.raw_path)


def read_request(event: object, base_path: str = "") -> HttpRequest:
    """Read an event; `base_path` is a prefix of the path that is none of the app's business.

    Raises FunctionError for an event that is no HTTP request.
    """
    source = _find_source(event)
    assert isinstance(event, dict)
    context = event["requestContext"]
    body = _body(event)
    headers = _headers(source, event, body)
    root_path, path = _split_path(source, event, base_path)
    scheme = _first(headers, b"x-forwarded-proto") or "https"
    http = context["http"] if source is Source.HTTP_API else event
    return HttpRequest(
        source=source,
        method=http["method"] if source is Source.HTTP_API else http["httpMethod"],
        scheme=scheme,
        http_version=_http_version(http.get("protocol") or context.get("protocol")),
        root_path=quote(root_path, safe=PATH_SAFE, errors="replace"),
        raw_path=quote(path, safe=PATH_SAFE, errors="replace"),
        query_string=_query_string(source, event),
        headers=headers,
        body=body,
        client=_client(source, context, headers),
        server=_server(context, headers, scheme),
    )


def _find_source(event: object) -> Source:
    context = event.get("requestContext") if isinstance(event, dict) else None
    if isinstance(event, dict) and isinstance(context, dict):
        if event.get("version") == "2.0" and "http" in context:
            return Source.HTTP_API
        if "elb" in context and "httpMethod" in event:
            return Source.LOAD_BALANCER_MULTI if "multiValueHeaders" in event else Source.LOAD_BALANCER
        if "httpMethod" in event and "path" in event:
            return Source.REST_API
    found = (
        f"an object with {', '.join(map(str, event)) or 'no keys'}" if isinstance(event, dict) else _type_name(event)
    )
    message = "the app needs an HTTP request from a function URL, API Gateway or an Application Load Balancer, got "
    raise FunctionError("Runtime.UnmarshalError", f"Unable to unmarshal input: {message}{found}")


def _type_name(event: object) -> str:
    return type(event).__name__


def _split_path(source: Source, event: Mapping[str, Any], base_path: str) -> tuple[str, str]:
    """Root path and path: the caller's URL may begin with a stage or a mapping that routes do not know."""
    context = event["requestContext"]
    path = (event["rawPath"] if source is Source.HTTP_API else event["path"]) or "/"
    root_path = ""
    if "version" in event:  # an HTTP API, which has a named stage in the path, even where a custom domain has not
        is_own_domain = ".execute-api." not in str(context.get("domainName"))
        if source is Source.HTTP_API or not is_own_domain:
            stage, path = _cut_prefix(path, str(context.get("stage") or ""))
            root_path = "" if is_own_domain else stage
    elif (whole := str(context.get("path") or "")).endswith(path):  # a REST API, which tells both
        root_path = whole[: -len(path)]
    prefix, path = _cut_prefix(path, base_path)
    return root_path + prefix, path


def _cut_prefix(path: str, prefix: str) -> tuple[str, str]:
    """Take whole segments off the start of a path, which keeps its slash."""
    prefix = "/" + prefix.strip("/")
    if prefix != "/" and (path + "/").startswith(prefix + "/"):
        return prefix, path[len(prefix) :] or "/"
    return "", path


def _query_string(source: Source, event: Mapping[str, Any]) -> str:
    if source is Source.HTTP_API:
        return quote(event.get("rawQueryString") or "", safe=QUERY_SAFE + "&", errors="replace")
    pairs = _pairs(event, "multiValueQueryStringParameters", "queryStringParameters")
    # API Gateway decodes names and values, a load balancer passes them on as they came.
    safe = "" if source is Source.REST_API else QUERY_SAFE
    encoded = ([quote(part, safe=safe, errors="replace") for part in pair] for pair in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _headers(source: Source, event: Mapping[str, Any], body: bytes) -> list[tuple[bytes, bytes]]:
    pairs = _pairs(event, "multiValueHeaders", "headers")
    if source is Source.HTTP_API and event.get("cookies"):
        pairs.append(("cookie", "; ".join(event["cookies"])))
    headers = [(_to_bytes(name.lower()), _to_bytes(value)) for name, value in pairs]
    # The body is here as a whole, and its length in bytes is not always what the caller's header said.
    framing = (b"content-length", b"transfer-encoding")
    if body or any(name in framing for name, _ in headers):
        headers = [pair for pair in headers if pair[0] not in framing]
        headers.append((b"content-length", b"%d" % len(body)))
    return headers


def _pairs(event: Mapping[str, Any], multi: str, single: str) -> list[tuple[str, str]]:
    if event.get(multi):
        return [(name, str(value)) for name, values in event[multi].items() for value in values or ()]
    return [(name, "" if value is None else str(value)) for name, value in (event.get(single) or {}).items()]


def _to_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    return a2b_base64(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")


def _http_version(protocol: str | None) -> str:
    version = (protocol or "").rpartition("/")[2]
    return {"2.0": "2", "": "1.1"}.get(version, version)


def _client(
    source: Source, context: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]]
) -> tuple[str, int] | None:
    """Whoever spoke to AWS; the port is not told."""
    if source is Source.HTTP_API:
        address = context["http"].get("sourceIp")
    elif source is Source.REST_API:
        address = (context.get("identity") or {}).get("sourceIp")
    else:  # the load balancer adds it to what the caller may have made up
        address = _first(headers, b"x-forwarded-for").rpartition(",")[2].strip()
    return (address, 0) if address else None


def _server(context: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]], scheme: str) -> tuple[str, int] | None:
    host = _first(headers, b"host") or context.get("domainName") or ""
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdecimal():
        name, port = host, _first(headers, b"x-forwarded-port")
    return (name, int(port) if port.isdecimal() else DEFAULT_PORTS.get(scheme, 443)) if name else None


def _first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for known, value in headers if known == name), "")

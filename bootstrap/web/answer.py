"""Answer: an HTTP response as the result each source of events wants, or as the head of a stream.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#respond-to-load-balancer
"""

from ..streams.http_response import HttpResponse
from ..surroundings.library import StandardLibrary
from .request import HttpRequest, Source

with StandardLibrary():
    from binascii import b2a_base64
    from collections.abc import Iterable
    from http import HTTPStatus
    from typing import Any

Headers = Iterable[tuple[bytes, bytes]]

SET_COOKIE = "set-cookie"
BODILESS = (204, 304)
TEXT_TYPES = (
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/yaml",
)


def write_answer(request: HttpRequest, status: int, headers: Headers, body: bytes) -> dict[str, Any]:
    """The result for a response."""
    grouped = _grouped(headers)
    if not has_body(request, status):
        body = b""
    if status == 204 or 100 <= status < 200:
        grouped.pop("content-length", None)
    text, is_base64 = _as_text(body, grouped)
    answer: dict[str, Any] = {"statusCode": status, "body": text, "isBase64Encoded": is_base64}
    if request.source is Source.HTTP_API:
        cookies = grouped.pop(SET_COOKIE, [])
        answer["headers"] = _joined(grouped)
        if cookies:
            answer["cookies"] = cookies
    elif request.source is Source.LOAD_BALANCER:
        cookies = grouped.pop(SET_COOKIE, [])
        answer["headers"] = _joined(grouped) | {_spelling(SET_COOKIE, at): value for at, value in enumerate(cookies)}
    else:
        answer["multiValueHeaders"] = grouped
    if request.source in (Source.LOAD_BALANCER, Source.LOAD_BALANCER_MULTI):
        answer["statusDescription"] = f"{status} {_phrase(status)}".rstrip()
    return answer


def stream_head(request: HttpRequest, status: int, headers: Headers) -> HttpResponse:
    """The head of a streamed response. Raises ValueError for a source that takes no streams."""
    if request.source in (Source.LOAD_BALANCER, Source.LOAD_BALANCER_MULTI):
        raise ValueError("a load balancer takes no streamed answer: leave stream=True out")
    grouped = _grouped(headers)
    cookies = grouped.pop(SET_COOKIE, [])
    return HttpResponse(status, _joined(grouped), cookies)


def has_body(request: HttpRequest, status: int) -> bool:
    """Whether what the app calls the body is sent: https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1."""
    return request.method != "HEAD" and status not in BODILESS and status >= 200


def _grouped(headers: Headers) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return grouped


def _joined(grouped: dict[str, list[str]]) -> dict[str, str]:
    return {name: ", ".join(values) for name, values in grouped.items()}


def _as_text(body: bytes, grouped: dict[str, list[str]]) -> tuple[str, bool]:
    """The body as JSON can hold it, and whether that is base64."""
    content_type = ", ".join(grouped.get("content-type", []))
    if _is_text(content_type) and set(grouped.get("content-encoding", [])) <= {"identity"}:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return b2a_base64(body, newline=False).decode(), bool(body)


def _is_text(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("", *TEXT_TYPES) or media_type.startswith("text/") or media_type.endswith(("+json", "+xml"))


def _spelling(name: str, number: int) -> str:
    """A header in one of its many spellings, as an object of JSON has each name once and a response several cookies."""
    letters = [at for at, char in enumerate(name) if char.isalpha()]
    upper = {at for bit, at in enumerate(letters) if number >> bit & 1}
    return "".join(char.upper() if at in upper else char for at, char in enumerate(name))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""

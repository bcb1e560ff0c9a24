"""The head of a streamed HTTP answer: JSON, eight NUL bytes, and then the body.

Strategy: a stream comes in pieces of any size, so what has come is kept until the eight bytes are found in it, and refused once it is
longer than any head can be.
Source: the API Gateway Developer Guide's page response-transfer-mode-lambda.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.names import CONTENT_TYPE_STREAM
from runtime_api.protocol.url.answer import (
    UnusableAnswer,
    UrlAnswer,
    parse_result,
    read_cookies,
    read_headers,
    read_multi_value_headers,
    read_status,
)

CONTENT_TYPE_HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
PRELUDE_LIMIT_BYTES = 256 * 1024
_END = b"\0" * 8


class Prelude:
    """Collects a head piece by piece. Raises UnusableAnswer for what is none."""

    def __init__(self) -> None:
        self._seen = bytearray()

    def feed(self, piece: bytes) -> UrlAnswer | None:
        """The answer's head and the beginning of its body, once the head is whole."""
        searched = max(len(self._seen) - len(_END) + 1, 0)
        self._seen += piece
        end = self._seen.find(_END, searched)
        if (len(self._seen) if end < 0 else end) > PRELUDE_LIMIT_BYTES:
            raise UnusableAnswer(f"the head of the stream is longer than {PRELUDE_LIMIT_BYTES} bytes")
        if end < 0:
            return None
        head = _read_head(bytes(self._seen[:end]))
        return msgspec.structs.replace(head, body=bytes(self._seen[end + len(_END) :]))


def read_collected(payload: bytes) -> UrlAnswer:
    """A whole streamed answer at once; raises UnusableAnswer."""
    answer = Prelude().feed(payload)
    if answer is None:
        raise UnusableAnswer("the stream ended in its head")
    return answer


def is_http_integration(content_type: str) -> bool:
    """Whether a stream begins with a head."""
    return content_type.partition(";")[0].strip().lower() == CONTENT_TYPE_HTTP_INTEGRATION


def _read_head(text: bytes) -> UrlAnswer:
    head = parse_result(text or b"{}")
    if not isinstance(head, dict):
        raise UnusableAnswer("the head of the stream is not an object")
    headers = [
        *read_headers(head.get("headers")),
        *read_multi_value_headers(head.get("multiValueHeaders")),
        *read_cookies(head.get("cookies")),
    ]
    return UrlAnswer(read_status(head.get("statusCode", 200)), headers, b"").with_default_type(CONTENT_TYPE_STREAM)

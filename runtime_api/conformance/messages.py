"""HTTP/1.1 messages as the suite sees and sends them: requests with all a polite server would hide, replies that may misbehave."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

_REASONS = {status.value: status.phrase for status in HTTPStatus}
# How much of a body that is no JSON is told with the reason.
_TOLD_BYTES = 200


@dataclass(frozen=True)
class NotJson:
    """What `Request.json` is when the body is no JSON: equal to nothing a handler returns. `reason` begins with the body's beginning."""

    reason: str


@dataclass(eq=False)
class Request:
    """A request as it came. Times are in ms since the stage was opened.

    `began_ms` first byte, `head_ms` end of the head, `arrived_ms` end of the body. `pieces` are the body's, as the network had them:
    (ms, bytes). `truncated`: the connection ended first. `malformed` is the parser's complaint; then only the raw head means anything.
    """

    connection: int
    began_ms: float
    method: str = ""
    target: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    pieces: list[tuple[float, int]] = field(default_factory=list)
    raw_head: bytes = b""
    head_ms: float = 0.0
    arrived_ms: float = 0.0
    keep_alive: bool = True
    truncated: bool = False
    malformed: str = ""

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case; several are joined by a comma. None when there is none."""
        return joined(self.headers, name)

    def trailer(self, name: str) -> str | None:
        """The value of a trailer, whatever its case; None when there is none."""
        return joined(self.trailers, name)

    @property
    def json(self) -> Any:  # noqa: ANN401  (whatever was sent)
        """The body as strict JSON: UTF-8, no NaN. A NotJson when it is not."""
        return strict_json(self.body)


def strict_json(body: bytes) -> Any:  # noqa: ANN401  (whatever was sent)
    """Bytes as strict JSON: UTF-8, no NaN. A NotJson when they are not."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return NotJson(f"{body[:_TOLD_BYTES].decode('utf-8', 'backslashreplace')} ({error})")


def is_same_document(first: bytes, second: bytes) -> bool:
    """Whether two bodies are the same bytes, or the same JSON however each is written."""
    value = strict_json(first)
    return first == second or (not isinstance(value, NotJson) and value == strict_json(second))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def joined(fields: list[tuple[str, str]], name: str) -> str | None:
    """The value of a field, whatever the case of its name; several are joined by a comma. None when there is none."""
    values = [value for key, value in fields if key.lower() == name.lower()]
    return ", ".join(values) if values else None


@dataclass(frozen=True)
class Reply:
    """An answer, and how it is delivered.

    `delay_ms`: held back for so long. `piece_bytes`: written so many bytes at a time, 0 for all at once. `framing`: how the body's end
    is marked, "close" being by the end of the connection. `close`: the connection ends after it, and it says so. `drop`: nothing is
    answered, the connection is ended, in order (fin) or not (rst).
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_ms: float = 0.0
    piece_bytes: int = 0
    framing: Literal["length", "chunked", "close"] = "length"
    close: bool = False
    drop: Literal["", "fin", "rst"] = ""

    @property
    def ends_connection(self) -> bool:
        """Whether nothing can follow it."""
        return self.close or self.framing == "close"

    def encode(self) -> bytes:
        """The bytes of it."""
        headers = [*self.headers, *self._connection_headers()]
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}\r\n{fields}\r\n"
        return head.encode("latin-1") + (_chunked(self.body) if self.framing == "chunked" else self.body)

    def _connection_headers(self) -> list[tuple[str, str]]:
        framing = {"length": [("Content-Length", str(len(self.body)))], "chunked": [("Transfer-Encoding", "chunked")]}
        return framing.get(self.framing, []) + ([("Connection", "close")] if self.ends_connection else [])


def _chunked(body: bytes) -> bytes:
    # Two chunks, so that a reader who takes the first for all is found out.
    half = len(body) // 2 or 1
    cuts = [body[at : at + half] for at in range(0, len(body), half)]
    return b"".join(b"%x\r\n%b\r\n" % (len(cut), cut) for cut in cuts) + b"0\r\n\r\n"

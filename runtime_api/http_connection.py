"""HTTP/1.1 as the hot paths speak it: bytes on one side, whole requests on the other. It knows nothing of Lambda.

Strategy: httptools parses, a `Connection` collects one request at a time and hands it to `serve`, which answers it now or later
by `Connection.answer`. Whoever wants a body as it comes is asked once its head is there, and gets the pieces instead (`Receiver`).
What a general server hides is kept: trailers (a streamed answer reports its error there) and the fact that
a body ended early. A body over the limit is read and forgotten, so its sender can hear the refusal; so is whatever follows a request
that is refused for its form. An offer to speak another protocol is ignored. Head and body of an answer leave in one write. A request
that arrives before the last one is answered waits for its turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, cast

import httptools
import msgspec

HEAD_LIMIT_BYTES = 2 * 1024 * 1024

# What several headers of one name are joined with, where that is no comma.
_SEPARATORS = {"cookie": "; "}
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class Request(msgspec.Struct, gc=False):
    """A request. Header and trailer names are lower case; `body` is empty when it was `too_large`, partial when `truncated`.

    `began_ms` is when its first part arrived, where it came in several and somebody's clock is at hand.
    """

    method: str
    path: str
    headers: dict[str, str]
    trailers: dict[str, str]
    body: bytes = b""
    too_large: bool = False
    truncated: bool = False
    keep_alive: bool = True
    began_ms: float | None = None


class Receiver(Protocol):
    """Takes one request's body as it comes, and answers it."""

    def feed(self, piece: bytes) -> None:
        """A piece of the body, never empty."""

    def end(self, request: Request) -> None:
        """The body is over, and with it the request: its trailers are here, `truncated` says whether it ended early; `body` stays empty."""


class Connection(asyncio.Protocol):
    """One client of the endpoint. `serve` is called with each request, `lost` once when the client is gone.

    `receive` is asked of each request whose head is here, by something that wants its body as it comes; without an answer it is collected.
    """

    def __init__(
        self,
        serve: Callable[[Request, Connection], None],
        lost: Callable[[Connection], None],
        body_limit_bytes: int,
        *,
        head_limit_bytes: int = HEAD_LIMIT_BYTES,
        answers_after_eof: bool = False,
        now_ms: Callable[[], float] | None = None,
        receive: Callable[[Request, Connection], Receiver | None] | None = None,
    ) -> None:
        self._serve = serve
        self._receive = receive
        self._receiver: Receiver | None = None
        self._lost = lost
        self._body_limit = body_limit_bytes
        self._head_limit = head_limit_bytes
        self._answers_after_eof = answers_after_eof
        self._now_ms = now_ms
        self._at_eof = False
        self._closed = False
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._request: Request | None = None
        self._in_body = False
        self._chunks: list[bytes] = []
        self._size = 0
        self._head_size = 0
        self._repeated: dict[str, list[str]] = {}
        self._refusal: tuple[int, bytes] | None = None
        self._refused = False
        self._answering: Request | None = None
        self._queue: deque[Request] = deque()
        self._poll_bytes = b""
        self._latest = self._poll = Request("", "", {}, {})

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast(asyncio.Transport, transport)
        if self._closed:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._refusal is not None:
            return
        idle = self._request is None
        if idle and data == self._poll_bytes:
            self._accept(self._poll)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            # Not the client's fault: the event loop reports it, with where it happened.
            self._answering = None
            self._queue.clear()
            self._refuse(500, b"Internal Server Error\n")
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            self._refuse(400, f"malformed HTTP request: {error}\n".encode())
        else:
            self._count_head(len(data))
            if self._request is not None:
                self._note_beginning(self._request)
            elif idle:
                self._remember_poll(data)

    def eof_received(self) -> bool:
        """The client will send no more: a body it has not finished is truncated, and it is told so."""
        if self._refusal is not None or not self._in_body or self._request is None:
            self._at_eof = True
            return self._answers_after_eof and self._answering is not None
        self._request.truncated = True
        self._request.keep_alive = False
        self._finish_request()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._transport = None
        self._cut_short(self._request)
        self._lost(self)

    # the parser's side

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._url = b""
        self._request = Request("", "", {}, {})
        self._chunks = []
        self._size = 0
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer."""
        assert self._request is not None
        fields = self._request.trailers if self._in_body else self._request.headers
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
        if key in fields:
            self._repeated.setdefault(key, [fields[key]]).append(text)
        else:
            fields[key] = text

    def on_headers_complete(self) -> None:
        """The head is here."""
        request = self._request
        assert request is not None
        self._join_repeated(request.headers)
        request.method = self._parser.get_method().decode()
        request.path = self._url.decode("latin-1")
        request.keep_alive = self._parser.should_keep_alive()
        if self._parser.should_upgrade():
            return
        self._in_body = True
        if request.headers.get("expect", "").lower() == "100-continue":
            self._go_on()
        # One that has to wait for its turn is collected.
        if self._receive is not None and self._answering is None and not self._queue:
            self._receiver = self._receive(request, self)
            self._answering = None if self._receiver is None else request

    def on_body(self, chunk: bytes) -> None:
        """A piece of the body."""
        assert self._request is not None
        if self._receiver is not None:
            self._receiver.feed(chunk)
            return
        self._size += len(chunk)
        if self._size > self._body_limit:
            self._request.too_large = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """The request is whole, unless it offers an upgrade: then the parser stopped after its head."""
        if not self._parser.should_upgrade():
            self._finish_request()

    # our side

    def answer(self, status: int, body: bytes, headers: bytes = b"Content-Type: application/json\r\n") -> None:
        """Answer the request in hand; `headers` is one `Name: value\\r\\n` after the other. Harmless when the client is gone."""
        if self._refused:
            return
        request, self._answering = self._answering, None
        keep_alive = request is not None and request.keep_alive
        self._write(status, body, headers if keep_alive else headers + b"Connection: close\r\n")
        if not keep_alive:
            self.close()
        elif self._queue:
            asyncio.get_running_loop().call_soon(self._serve_queued)
        elif self._refusal is not None:
            self._write_refusal(*self._refusal)
        elif self._at_eof:
            self.close()

    def hand_over(self, request: Request, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol have the connection, from the request in hand on.

        Not from within `serve`: the parser may still hold what came behind the request. What it has seen in part ends the connection.
        Not for one that was `too_large`: its body is lost, and the other protocol would find an empty one.
        """
        transport, self._transport = self._transport, None
        self._lost(self)
        if transport is None:
            return
        if self._request is not None:
            (self._queue[-1] if self._queue else request).headers["connection"] = "close"
        adopt(protocol, transport, _encode(request) + b"".join(map(_encode, self._queue)))
        transport.resume_reading()

    def pause(self) -> None:
        """Read nothing more for now, so that the client is held up."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing() and not self._queue:
            self._transport.resume_reading()

    def close(self) -> None:
        """Close once everything written is out, or as soon as it is open."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def _ignore_upgrade(self, rest: bytes) -> None:
        # The parser takes all that follows the head for the other protocol: the head is parsed again, without the offer.
        request = self._request
        assert request is not None
        if request.method == "CONNECT":
            self._refuse(400, b"CONNECT is not served\n")
            return
        version = self._parser.get_http_version()
        self._parser = httptools.HttpRequestParser(self)
        request.headers.pop("upgrade", None)
        fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        self.data_received(f"{request.method} {request.path} HTTP/{version}\r\n{fields}\r\n".encode("latin-1") + rest)

    def _finish_request(self) -> None:
        request = self._request
        assert request is not None
        self._join_repeated(request.trailers)
        request.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._request = None
        self._chunks = []
        self._in_body = False
        self._latest = request
        if self._receiver is None:
            self._accept(request)
        else:
            receiver, self._receiver = self._receiver, None
            receiver.end(request)

    def _cut_short(self, request: Request | None) -> None:
        if self._receiver is not None and request is not None:
            request.truncated = True
            self._request = request
            self._finish_request()

    def _note_beginning(self, request: Request) -> None:
        if request.began_ms is None and self._now_ms is not None:
            request.began_ms = self._now_ms()

    def _remember_poll(self, data: bytes) -> None:
        # A runtime's polls are the same bytes each time: parsed once, they are known.
        if data.startswith(b"GET ") and data.endswith(b"\r\n\r\n") and data.count(b"\r\n\r\n") == 1:
            self._poll_bytes, self._poll = data, self._latest

    def _accept(self, request: Request) -> None:
        if self._answering is None and not self._queue:
            self._answering = request
            self._serve(request, self)
        elif self._transport is not None:
            self._queue.append(request)
            self._transport.pause_reading()

    def _serve_queued(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._answering = self._queue.popleft()
        if not self._queue:
            self._transport.resume_reading()
        self._serve(self._answering, self)

    def _go_on(self) -> None:
        if self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _join_repeated(self, fields: dict[str, str]) -> None:
        # All at once: joined one by one, a head full of one name would take a second.
        for name, values in self._repeated.items():
            fields[name] = _SEPARATORS.get(name, ", ").join(values)
        self._repeated.clear()

    def _count_head(self, size: int) -> None:
        # Counted as it comes in, so that a head without an end is noticed too; the piece a head ends in is not, it is small.
        if self._request is None or self._in_body:
            return
        self._head_size += size
        if self._head_size > self._head_limit:
            self._refuse(431, b"the request's headers are too large\n")

    def _refuse(self, status: int, reason: bytes) -> None:
        # What came before it is answered first; what comes behind it is read and forgotten.
        self._refusal = (status, reason)
        request, self._request = self._request, None
        if self._receiver is not None:
            self._answering = None
        if self._answering is None and not self._queue:
            self._write_refusal(status, reason)
        self._cut_short(request)

    def _write_refusal(self, status: int, reason: bytes) -> None:
        # Only our side is closed, until the client ends its own: closing all of it now could cost the client the answer.
        self._write(status, reason, b"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n")
        self._refused = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._transport.write_eof()

    def _write(self, status: int, body: bytes, headers: bytes) -> None:
        if self._transport is None or self._transport.is_closing() or self._refused:
            return
        length = b"" if status == HTTPStatus.NO_CONTENT else b"Content-Length: %d\r\n" % len(body)
        self._transport.write(b"HTTP/1.1 %d %b\r\n%b%b\r\n%b" % (status, _REASONS[status], headers, length, body))


def adopt(protocol: asyncio.BaseProtocol, transport: asyncio.Transport, data: bytes) -> None:
    """Let a protocol have a connection that is open already, and the bytes that were read from it."""
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    cast(asyncio.Protocol, protocol).data_received(data)


def _encode(request: Request) -> bytes:
    headers = request.headers.copy()
    if headers.pop("transfer-encoding", None) is not None:
        headers["content-length"] = str(len(request.body))
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request.method} {request.path} HTTP/1.1\r\n{fields}\r\n".encode("latin-1") + request.body

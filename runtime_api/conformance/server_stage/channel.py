"""The suite's end of a connection to the server under test: what it sends, it sends to the byte; what comes back, it keeps whole.

httptools parses, so that what is called malformed is so by a well-kept parser's word.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import httptools

from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.wire_log import CLOSED, OPENED, RECEIVED, SENT

Log = Callable[[int, str, bytes], None]
Headers = Iterable[tuple[str, str]]
_READ_BYTES = 256 * 1024
# What is not taken for so long is not waited for.
_SEND_S = 10.0
_WITH_A_BODY = ("POST", "PUT")


def request_bytes(method: str, target: str, headers: Headers = (), body: bytes = b"") -> bytes:
    """A request. A Content-Length is added where a body is usual and no framing is among the headers."""
    fields = list(headers)
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "localhost"))
    if method in _WITH_A_BODY and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; empty data is the last one, without its trailers and the line after them."""
    return b"%x\r\n" % len(data) + (data + b"\r\n" if data else b"")


class Channel:
    """One connection. `streams` is None for one that could not be had, or is over: then nothing is sent, and no answer comes."""

    def __init__(
        self,
        number: int,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None,
        now_ms: Callable[[], float],
        log: Log,
        reason: str = "",
    ) -> None:
        self.number = number
        self._reader: asyncio.StreamReader | None = streams[0] if streams else None
        self._writer: asyncio.StreamWriter | None = streams[1] if streams else None
        self._now_ms = now_ms
        self._log = log
        self._reason = reason or "the connection could not be had"
        self._parser = httptools.HttpResponseParser(self)
        self._answers: deque[Answer] = deque()
        self._current: Answer | None = None
        self._interim: list[int] = []
        self._chunks: list[bytes] = []
        self._asked_ms = 0.0
        if streams:
            log(number, OPENED, b"")

    @property
    def is_open(self) -> bool:
        """Whether anything can still be sent on it."""
        return self._writer is not None

    async def call(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", *, within_s: float
    ) -> Answer:
        """A request and its answer, both within the limit: the request leaves while the answer is waited for."""
        self._asked_ms = self._now_ms()
        self._write(request_bytes(method, target, headers, body))
        return await self.receive(within_s)

    async def send(self, data: bytes) -> None:
        """Write these bytes; what the other side no longer wants is dropped, what it takes its time for leaves later."""
        self._write(data)
        if self._writer is not None:
            with contextlib.suppress(OSError, asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self._writer.drain(), _SEND_S)

    def _write(self, data: bytes) -> None:
        self._asked_ms = self._asked_ms or self._now_ms()
        if self._writer is None:
            return
        self._log(self.number, SENT, data)
        self._writer.write(data)

    async def end_of_request(self) -> None:
        """Say that nothing more will come, and go on listening."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def receive(self, within_s: float) -> Answer:
        """The next answer on it, or what there is of one when the time is over."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not self._answers:
            if self._reader is None:
                return self._broken(self._reason)
            try:
                data = await asyncio.wait_for(
                    self._reader.read(_READ_BYTES), max(0.0, deadline - asyncio.get_running_loop().time())
                )
            except (asyncio.TimeoutError, TimeoutError):
                return self._late(within_s)
            except OSError as error:
                data, self._reason = b"", f"the connection broke: {error.strerror or error}"
            self._take(data)
        answer = self._answers.popleft()
        answer.asked_ms, self._asked_ms = self._asked_ms, 0.0
        return answer

    def close(self) -> None:
        """End it."""
        if self._writer is not None:
            self._log(self.number, CLOSED, b"by us")
            # What was not taken yet will not be.
            self._writer.transport.abort()
        self._reader = self._writer = None
        self._reason = "the connection was closed by us"

    def _take(self, data: bytes) -> None:
        if not data:
            self._over()
            return
        self._log(self.number, RECEIVED, data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._answers.append(self._broken(f"not HTTP/1.1: {error}; {data[:80]!r}"))

    def _over(self) -> None:
        if self._writer is not None:
            self._log(self.number, CLOSED, b"")
            self._writer.transport.abort()
        self._reader = self._writer = None
        current = self._current
        self._reason = "the server closed the connection"
        if current is not None and current.status and not self._is_framed(current):
            self.on_message_complete()
        elif current is not None:
            self._answers.append(self._partial(f"cut off after {sum(map(len, self._chunks))} bytes of the body"))

    @staticmethod
    def _is_framed(answer: Answer) -> bool:
        return bool(answer.header("content-length") or answer.header("transfer-encoding"))

    def _partial(self, fault: str) -> Answer:
        if self._current is None:
            return self._broken(fault)
        kept = self._current
        return Answer(
            kept.status,
            kept.headers,
            b"".join(self._chunks),
            list(kept.pieces),
            asked_ms=self._asked_ms,
            head_ms=kept.head_ms,
            ended_ms=self._now_ms(),
            fault=fault,
        )

    def _late(self, within_s: float) -> Answer:
        unsent = self._writer is not None and self._writer.transport.get_write_buffer_size()
        missing = "the server took no more of the request" if unsent else "no answer"
        return replace(self._partial(f"{missing} within {within_s:g} s"), is_timed_out=True)

    def _broken(self, fault: str) -> Answer:
        return Answer(fault=fault, asked_ms=self._asked_ms, ended_ms=self._now_ms())

    # the parser's side

    def on_message_begin(self) -> None:
        """An answer starts."""
        self._current = Answer()
        self._chunks = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer."""
        assert self._current is not None
        self._current.headers.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        """The head is here."""
        assert self._current is not None
        self._current.status = self._parser.get_status_code()
        self._current.head_ms = self._now_ms()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        assert self._current is not None
        self._current.pieces.append((self._now_ms(), len(data)))
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        answer, self._current = self._current, None
        assert answer is not None
        if answer.status < 200:
            self._interim.append(answer.status)
            return
        answer.body = b"".join(self._chunks)
        answer.interim, self._interim = self._interim, []
        answer.ended_ms = self._now_ms()
        self._answers.append(answer)

"""The load: callers on keep-alive connections, as cheap as Python lets them be.

Strategy: one selector turns the callers of a process, each a blocking-free socket with one call in flight. A refusal for want of
a free sandbox (429) is called again with the same request after a wait that doubles each time, as SDKs do. A connection that ends before
its answer is whole makes that call a lost one. Nothing here decodes JSON: a workload gets bytes.
"""

from __future__ import annotations

import heapq
import re
import selectors
import socket
import time
from typing import Protocol

THROTTLED = 429
BACKOFF_LIMIT_S = 0.1
SILENCE_LIMIT_S = 60
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Workload(Protocol):
    """What callers say, and what they make of the answers."""

    def next_event(self, caller: int) -> bytes | None:
        """The caller's next event; None when it is done."""

    def answered(self, caller: int, status: int, body: bytes) -> None:
        """The answer to the caller's event."""

    def lost(self, caller: int) -> None:
        """There will be no answer to the caller's event."""


def request_bytes(port: int, path: str, event: bytes, headers: str = "") -> bytes:
    """An Invoke call; each of the `headers` ends with CRLF."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}Content-Length: {len(event)}\r\n\r\n"
    return head.encode() + event


def read_answer(data: bytes) -> tuple[int, bytes] | None:
    """Status and body; None while the answer is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(data, 0, end + 2)
    if length is None:
        raise ValueError(f"an answer without Content-Length: {data[:end]!r}")
    body = data[end + 4 :]
    return (int(data[9:12]), body) if len(body) >= int(length[1]) else None


class OneCaller:
    """A caller that waits for each answer: the way latency is measured."""

    def __init__(self, port: int, path: str, event: bytes) -> None:
        self._request = request_bytes(port, path, event)
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self) -> bytes:
        """The answer's body; raises ConnectionError or ValueError when there is none."""
        self._socket.sendall(self._request)
        data = b""
        while (answer := read_answer(data)) is None:
            chunk = self._socket.recv(65_536)
            if not chunk:
                raise ConnectionError("the server closed the connection")
            data += chunk
        if answer[0] != 200:
            raise ValueError(f"status {answer[0]}: {answer[1]!r}")
        return answer[1]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Caller:
    def __init__(self, number: int) -> None:
        self.number = number
        self.event: bytes | None = None
        self.request = b""
        self.refusals = 0
        self.called_s = 0.0
        self.received = b""
        self.socket: socket.socket | None = None


class Callers:
    """Some callers in this process; `run` returns when each is done. `refused_after_s` is how long each refusal took."""

    def __init__(
        self, port: int, path: str, workload: Workload, numbers: range, backoff_s: float, headers: str = ""
    ) -> None:
        self.throttled = 0
        self.refused_after_s: list[float] = []
        self._port = port
        self._path = path
        self._headers = headers
        self._workload = workload
        self._backoff_s = backoff_s
        self._callers = [_Caller(number) for number in numbers]
        self._selector = selectors.DefaultSelector()
        self._resting: list[tuple[float, int, _Caller]] = []
        self._working = 0

    def run(self) -> None:
        """Call until the workload has no more; raises TimeoutError when no answer comes for a minute."""
        for caller in self._callers:
            self._working += 1
            self._next(caller)
        while self._working:
            self._turn()
        self._selector.close()

    def _turn(self) -> None:
        wait_s = self._resting[0][0] - time.monotonic() if self._resting else SILENCE_LIMIT_S
        ready = self._selector.select(max(wait_s, 0))
        if not ready and not self._resting:
            raise TimeoutError(f"no answer in {SILENCE_LIMIT_S} s")
        for key, _ in ready:
            self._read(key.data)
        now = time.monotonic()
        while self._resting and self._resting[0][0] <= now:
            self._send(heapq.heappop(self._resting)[2])

    def _next(self, caller: _Caller) -> None:
        event = self._workload.next_event(caller.number)
        if event is None:
            self._working -= 1
            self._hang_up(caller)
            return
        if event is not caller.event:
            caller.event, caller.request = event, request_bytes(self._port, self._path, event, self._headers)
        caller.refusals = 0
        self._send(caller)

    def _send(self, caller: _Caller) -> None:
        if caller.socket is None:
            caller.socket = socket.create_connection(("127.0.0.1", self._port))
            caller.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(caller.socket, selectors.EVENT_READ, caller)
        caller.received, caller.called_s = b"", time.monotonic()
        try:
            caller.socket.sendall(caller.request)
        except OSError:
            self._lose(caller)

    def _read(self, caller: _Caller) -> None:
        assert caller.socket is not None
        try:
            data = caller.socket.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._lose(caller)
            return
        caller.received += data
        answer = read_answer(caller.received)
        if answer is None:
            return
        status, body = answer
        if status == THROTTLED:
            self.throttled += 1
            self.refused_after_s.append(time.monotonic() - caller.called_s)
            self._rest(caller)
            return
        self._workload.answered(caller.number, status, body)
        self._next(caller)

    def _rest(self, caller: _Caller) -> None:
        wait_s = min(self._backoff_s * 2**caller.refusals, BACKOFF_LIMIT_S)
        caller.refusals += 1
        heapq.heappush(self._resting, (time.monotonic() + wait_s, caller.number, caller))

    def _lose(self, caller: _Caller) -> None:
        self._hang_up(caller)
        self._workload.lost(caller.number)
        self._next(caller)

    def _hang_up(self, caller: _Caller) -> None:
        if caller.socket is not None:
            self._selector.unregister(caller.socket)
            caller.socket.close()
            caller.socket = None

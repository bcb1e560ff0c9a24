"""A Runtime API of prebuilt bytes on blocking sockets, so that what takes time is the runtime.

Strategy: it serves one connection at a time and only as many events as it is told to; in between the runtime waits for its next
event. So several runtimes can take turns in one process without threads. A request is read whole before it is answered.
"""

from __future__ import annotations

import json
import re
import socket
import time

LIMIT_S = 60
RECEIVE_BYTES = 1 << 20
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_STREAM_END = b"\r\n0\r\n\r\n"


class RuntimeGone(Exception):
    """The runtime closed its connection where it should not have."""


def event_reply(event: bytes) -> bytes:
    """What the runtime gets for its `next`."""
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Lambda-Runtime-Aws-Request-Id: {REQUEST_ID}",
        "Lambda-Runtime-Deadline-Ms: 4102444800000",
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:function",
        "Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        f"Content-Length: {len(event)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + event


def make_event(size: int) -> bytes:
    """JSON of about `size` bytes: an object of many small records, or of a few fields when it is to be small."""
    record = {
        "id": 1_000_001,
        "name": "Ada Lovelace",
        "price": 12.5,
        "tags": ["new", "blue"],
        "sold": False,
        "note": None,
    }
    count = max(1, size // (len(json.dumps(record)) + 2))
    return json.dumps({"records": [record | {"id": 1_000_001 + number} for number in range(count)]}).encode()


class QuickRuntimeAPI:
    """Listens on a free port; a runtime finds it at `address`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(LIMIT_S)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def accept(self) -> Line:
        """The next connection of a runtime. Raises TimeoutError."""
        connection, _ = self._listener.accept()
        return Line(connection)

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()


class Line:
    """One connection of a runtime."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(LIMIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(RECEIVE_BYTES)

    def serve(self, reply: bytes, calls: int) -> None:
        """Give the runtime so many events and take its answers. Raises RuntimeGone."""
        for _ in range(calls):
            self.take()
            self.give(reply)
            self.take()
            self.give(TAKEN)

    def give(self, reply: bytes) -> None:
        """Send a prebuilt reply."""
        self._socket.sendall(reply)

    def take(self) -> bytes | memoryview:
        """Read one request; its body, valid until the next one. Raises RuntimeGone."""
        data = self._receive()
        while (end := data.find(_HEAD_END)) < 0:
            data += self._receive()
        length = _LENGTH.search(data, 0, end + 2)
        body, size = data[end + 4 :], int(length[1]) if length else 0
        return body if len(body) == size else self._take_rest(body, size)

    def _take_rest(self, begun: bytes, size: int) -> memoryview:
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        whole, count = memoryview(self._buffer)[:size], len(begun)
        whole[:count] = begun
        while count < size:
            count += self._receive_into(whole[count:])
        return whole

    def take_stream(self) -> tuple[float, int]:
        """Read one streamed answer; when its first byte of body came (perf_counter) and how many bytes it had in all."""
        data = self._receive()
        while (end := data.find(_HEAD_END)) < 0 or len(data) == end + 4:
            data += self._receive()
        first, count = time.perf_counter(), len(data)
        tail = data[-len(_STREAM_END) :]
        while tail != _STREAM_END:
            received = self._receive_into(self._buffer)
            tail = (tail + bytes(self._buffer[max(0, received - len(_STREAM_END)) : received]))[-len(_STREAM_END) :]
            count += received
        return first, count

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            raise RuntimeGone
        return data

    def _receive_into(self, room: bytearray | memoryview) -> int:
        received = self._socket.recv_into(room)
        if not received:
            raise RuntimeGone
        return received

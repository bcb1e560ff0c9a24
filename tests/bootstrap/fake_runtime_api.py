"""A Runtime API that plays a script, free to misbehave.

Each GET takes the next scripted reply and each POST the next scripted status. Once the script is over a GET is
parked, as it is when a function has nothing to do; `idle` is set then.
"""

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:demo"
HUNG_UP = b""
PATIENCE_S = 20


@dataclass
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    raw_head: bytes
    headers: dict[str, str]
    body: bytes
    connection: int
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)
    truncated: bool = False  # the connection ended before the body did

    def json(self) -> Any:  # noqa: ANN401 - tests look into it as they please
        """The body, decoded as strict JSON."""
        return json.loads(self.body.decode(), parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@dataclass
class Scripted:
    """A reply: raw bytes, how they are cut into writes, and whether the connection ends after them."""

    data: bytes
    piece_bytes: int = 0
    close: bool = False
    before: Callable[[], None] = field(default=lambda: None)


def event_headers(request_id: str = REQUEST_ID, **more: str) -> dict[str, str]:
    """The headers of an ordinary event; `more` adds to them or, when empty, takes one away."""
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": request_id,
        "Lambda-Runtime-Deadline-Ms": "4102444800000",
        "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
    }
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return {name: value for name, value in headers.items() if value}


def http_reply(status: int, headers: dict[str, str], body: bytes, *, sized: bool = True) -> bytes:
    """A reply in one piece; without a length when `sized` is false."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    if sized:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class FakeRuntimeAPI:
    """Listens on a free port of the loopback; one thread for each connection."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.settled = threading.Event()  # parked, or the process under test is gone
        self.on_post: Callable[[], None] = lambda: None
        self.on_chunk: Callable[[bytes], None] = lambda data: None  # the next one is read when it returns
        self._script: queue.SimpleQueue[Scripted] = queue.SimpleQueue()
        self._post_replies: queue.SimpleQueue[Scripted] = queue.SimpleQueue()
        self._early_replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._replies_by_path: dict[str, queue.SimpleQueue[Scripted]] = {}
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def event(self, body: bytes = b"{}", request_id: str = REQUEST_ID, **headers: str) -> None:
        """Queue an ordinary event."""
        self.reply(http_reply(200, event_headers(request_id, **headers), body))

    def reply(
        self,
        data: bytes,
        *,
        piece_bytes: int = 0,
        close: bool = False,
        before: Callable[[], None] = lambda: None,
        times: int = 1,
    ) -> None:
        """Queue raw bytes as the answer to a GET, or to as many in a row."""
        for _ in range(times):
            self._script.put(Scripted(data, piece_bytes, close, before))

    def post_reply(self, data: bytes, *, close: bool = False) -> None:
        """Queue raw bytes as the answer to a POST; after these every POST gets a 202."""
        self._post_replies.put(Scripted(data, close=close))

    def early_reply(self, data: bytes) -> None:
        """Queue raw bytes to be sent as soon as the head of a POST is here; then nothing more is read or closed."""
        self._early_replies.put(data)

    def reply_to(self, path: str, *replies: bytes) -> None:
        """Answer requests for a path with these raw bytes, one after the other; park what comes after them."""
        script = self._replies_by_path.setdefault(path, queue.SimpleQueue())
        for data in replies:
            script.put(Scripted(data))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so that a request can change."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE_S), self.requests

    @property
    def posts(self) -> list[Request]:
        """The POST requests so far."""
        return [request for request in self.requests if request.method == "POST"]

    def close(self) -> None:
        """Stop listening, cut all connections and let their threads end."""
        self._closed.set()
        for script in self._replies_by_path.values():
            script.put(Scripted(HUNG_UP, close=True))
        for sock in self._sockets:
            self._script.put(Scripted(HUNG_UP, close=True))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection, len(self._sockets) - 1), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            while request := _read_head(stream, number):
                if request.method == "POST" and not self._early_replies.empty():
                    self.requests.append(request)
                    connection.sendall(self._early_replies.get())
                    self._closed.wait()
                    return
                _read_body(stream, request, self.on_chunk)
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                if request.method == "POST":
                    self.on_post()
                scripted = self._take(request)
                scripted.before()
                _write(connection, scripted)
                if scripted.close:
                    connection.shutdown(socket.SHUT_RDWR)
                    return

    def _take(self, request: Request) -> Scripted:
        if request.path in self._replies_by_path:
            return self._replies_by_path[request.path].get()
        if request.method == "POST":
            with contextlib.suppress(queue.Empty):
                return self._post_replies.get_nowait()
            return Scripted(http_reply(202, {"Content-Type": "application/json"}, b'{"status":"OK"}\n'))
        if self._script.empty():
            self.settled.set()
        return self._script.get()


def _read_head(stream: BinaryIO, connection: int) -> Request | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    lines = head.decode("latin-1").split("\r\n")
    method, path, version = lines[0].split(" ")
    assert version == "HTTP/1.1"
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    return Request(method, path, head, headers, b"", connection)


def _read_body(stream: BinaryIO, request: Request, on_chunk: Callable[[bytes], None]) -> None:
    if request.headers.get("transfer-encoding") != "chunked":
        request.body = stream.read(int(request.headers.get("content-length", 0)))
        return
    try:
        while size := int(stream.readline(), 16):
            request.chunks.append(stream.read(size))
            request.truncated = stream.read(2) != b"\r\n"
            on_chunk(request.chunks[-1])
        request.trailers = _read_fields(stream)
    except (ValueError, ConnectionError):
        request.truncated = True
    request.body = b"".join(request.chunks)


def _read_fields(stream: BinaryIO) -> dict[str, str]:
    fields = {}
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return fields


def _write(connection: socket.socket, scripted: Scripted) -> None:
    step = scripted.piece_bytes or len(scripted.data) or 1
    for start in range(0, len(scripted.data), step):
        connection.sendall(scripted.data[start : start + step])

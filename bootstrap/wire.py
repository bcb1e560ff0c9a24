"""Wire: HTTP/1.1 on one keep-alive socket; a request goes out in one write, a parsed reply comes back.

Strategy: the peer is one server on the loopback that is asked one thing at a time, so this is the part of HTTP a
client cannot do without: every framing of a body (Content-Length, chunked, until close), interim 1xx replies,
`Connection: close`, and a server that hung up on an idle connection. `_socket` is what `socket` wraps; using it
directly saves the imports of `socket`, `selectors` and `enum`. There are no timeouts: the process may be frozen for
hours between a request and its reply (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
"""

import _socket

from .errors import SandboxError

RECEIVE_BYTES = 65_536
# Above this a second copy of the body costs more than a second buffer in the system call.
JOIN_BYTES = 32_768
HEAD_BYTES_MAX = 1 << 20
BODILESS = (204, 304)
DEFAULT_PORT = 80


class Reply:
    """One final reply: status, headers by lower-case name, body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    """One connection to `host:port`, opened when first used and again after it was closed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._target = _parse_address(address)
        self._socket: _socket.socket | None = None
        self._buffer = b""
        self._silent = True  # nothing of the current reply has arrived

    def exchange(self, head: bytes, body: bytes = b"", *, repeatable: bool = False) -> Reply:
        """Send a request and wait for its reply; try once more where that cannot do the request twice.

        That is so for a repeatable request, and for one that met a connection the server had closed in the meantime.
        """
        reused = self._socket is not None
        try:
            return self._round_trip(head, body)
        except OSError as error:
            again = repeatable or (reused and self._silent)
            self.close()
            if not again:
                raise self._unreachable(error) from error
        try:
            return self._round_trip(head, body)
        except OSError as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Drop the connection; the next exchange opens a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _round_trip(self, head: bytes, body: bytes) -> Reply:
        sock = self._socket or self._connect()
        self._silent = True
        sent = _send(sock, head, body)
        try:
            status, headers, closes = self._read_head(sock)
            while 100 <= status < 200:
                status, headers, closes = self._read_head(sock)
            delimited = status in BODILESS or "content-length" in headers or "transfer-encoding" in headers
            content = self._read_body(sock, status, headers)
        except ValueError as error:
            raise SandboxError(f"the Runtime API at {self.address} sent what is not HTTP: {error}") from error
        if closes or not delimited or not sent:
            self.close()
        return Reply(status, headers, content)

    def _connect(self) -> _socket.socket:
        host, port = self._target
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        sock = _socket.socket(family, _socket.SOCK_STREAM)
        sock.settimeout(None)  # the function may have called socket.setdefaulttimeout()
        sock.connect((host, port))
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self._socket = sock
        return sock

    def _receive(self, sock: _socket.socket, limit: int, flags: int = 0) -> bytes:
        data = sock.recv(limit, flags)
        if not data:
            raise ConnectionResetError("it closed the connection")
        self._silent = False
        return data

    def _read_head(self, sock: _socket.socket) -> tuple[int, dict[str, str], bool]:
        data = self._buffer or self._receive(sock, RECEIVE_BYTES)
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > HEAD_BYTES_MAX:
                raise ValueError("a head without an end")
            data += self._receive(sock, RECEIVE_BYTES)
        self._buffer = data[end + 4 :]
        return _parse_head(data[:end])

    def _read_body(self, sock: _socket.socket, status: int, headers: dict[str, str]) -> bytes:
        if status in BODILESS:
            return b""
        if headers.get("transfer-encoding"):
            return self._read_chunks(sock)
        if headers.get("content-length"):
            return self._read_exactly(sock, _parse_length(headers["content-length"]))
        return self._read_until_close(sock)

    def _read_exactly(self, sock: _socket.socket, length: int) -> bytes:
        data = self._buffer
        self._buffer = data[length:]
        if len(data) >= length:
            return data[:length]
        pieces, missing = [data], length - len(data)
        while missing:
            pieces.append(self._receive(sock, missing, _socket.MSG_WAITALL))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def _read_chunks(self, sock: _socket.socket) -> bytes:
        pieces = []
        while size := int(self._read_line(sock).partition(b";")[0], 16):
            pieces.append(self._read_exactly(sock, size))
            self._read_line(sock)
        while self._read_line(sock):  # trailers
            pass
        return b"".join(pieces)

    def _read_line(self, sock: _socket.socket) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise ValueError("a line without an end")
            self._buffer += self._receive(sock, RECEIVE_BYTES)
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _read_until_close(self, sock: _socket.socket) -> bytes:
        pieces, self._buffer = [self._buffer], b""
        while piece := sock.recv(RECEIVE_BYTES):
            pieces.append(piece)
        return b"".join(pieces)

    def _unreachable(self, error: OSError) -> SandboxError:
        self.close()
        return SandboxError(f"cannot reach the Runtime API at {self.address}: {error}")


def _send(sock: _socket.socket, head: bytes, body: bytes) -> bool:
    """Send all of it in one write; False when the server stopped reading, as its reply may be here all the same."""
    try:
        if len(body) <= JOIN_BYTES:
            sock.sendall(head + body)
        else:
            _send_large(sock, head, body)
    except OSError:
        if not body:
            raise
        return False
    return True


def _send_large(sock: _socket.socket, head: bytes, body: bytes) -> None:
    sent = sock.sendmsg((head, body)) - len(head)
    if sent < 0:
        sock.sendall(head[sent:])
        sent = 0
    if sent < len(body):
        sock.sendall(memoryview(body)[sent:])


def _parse_head(head: bytes) -> tuple[int, dict[str, str], bool]:
    """Status, headers, and whether the server closes the connection after this reply."""
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise ValueError(repr(lines[0][:80]))
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    connection = headers.get("connection", "").lower()
    return int(rest[:3]), headers, "close" in connection or (version == "HTTP/1.0" and "keep-alive" not in connection)


def _parse_length(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"Content-Length: {text[:80]!r}")
    return int(text)


def _parse_address(address: str) -> tuple[str, int]:
    """`host:port`, `host` or `[v6]:port`."""
    host, colon, port = address.rpartition(":")
    if not colon or "]" in port:
        host, port = address, str(DEFAULT_PORT)
    if not host or not port.isdecimal():
        raise SandboxError(f"AWS_LAMBDA_RUNTIME_API must be set to host:port, it is {address!r}")
    return host.strip("[]"), int(port)

"""Wire: HTTP/1.1 on one keep-alive socket; a request goes out in one write, a parsed reply comes back.

Strategy: the peer is one server on the loopback that is asked one thing at a time, so this is the part of HTTP a
client cannot do without: every framing of a body (Content-Length, chunked, until close), interim 1xx replies,
`Connection: close`, and a server that hung up on an idle connection. `_socket` is what `socket` wraps; using it
directly saves the imports of `socket`, `selectors` and `enum`. There are no timeouts: the process may be frozen for
hours between a request and its reply (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
"""

import _socket
import os

from .errors import SandboxError, is_of_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RECEIVE_BYTES = 65_536
# Above this a second copy of the body costs more than a second buffer in the system call.
JOIN_BYTES = 32_768
HEAD_BYTES_MAX = 1 << 20
BODILESS = (204, 304)
HEX_DIGITS = b"0123456789abcdefABCDEF"
DEFAULT_PORT = 80

_poll: "Any" = None  # select.poll, once something had to wait for it


class Reply:
    """One final reply: status, headers by lower-case name, body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    """One connection to `host:port`, opened when first used and again after it was closed.

    `wait_for_reply`, when set, is given the descriptor of a request without a body, which may wait for hours, and
    returns once that can be read.
    """

    wait_for_reply: "Callable[[int], None] | None" = None

    def __init__(self, address: str) -> None:
        self.address = address
        self._target = _parse_address(address)
        self._socket: _socket.socket | None = None
        self._buffer = b""
        self._silent = True  # nothing of the current reply has arrived
        self._is_parents = False
        os.register_at_fork(after_in_child=self._leave_to_parent)

    def exchange(self, head: bytes, body: bytes = b"", *, repeatable: bool = False) -> Reply:
        """Send a request and wait for its reply; try once more where that cannot do the request twice.

        That is so for a repeatable request, and for one that met a connection the server had closed in the meantime.
        Raises SandboxError, and what a signal handler of the function raises meanwhile.
        """
        reused = self._socket is not None
        try:
            return self._round_trip(head, body)
        except OSError as error:
            again = repeatable or (reused and self._silent)
            self.close()
            if not again or is_of_function(error):
                raise self._unreachable(error) from error
        try:
            return self._round_trip(head, body)
        except OSError as error:
            raise self._unreachable(error) from error

    def begin(self, data: bytes) -> None:
        """Send the start of a request whose body follows piece by piece. Raises OSError."""
        if self._socket is not None and _has_input(self._socket):
            self.close()  # nothing was asked yet: it is the end of a connection the server has closed
        (self._socket or self._connect()).sendall(data)

    def send(self, data: "bytes | memoryview") -> None:
        """Send more of a request that was begun; blocks while the server is slow to read. Raises OSError."""
        _send_rest(self._open_socket(), memoryview(data))

    def send_some(self, data: "bytes | memoryview") -> int:
        """Send what fits without waiting and say how much that was, be it nothing.

        Raises OSError when the server will not read on: it is gone, or has replied already.
        """
        return _send_some(self._open_socket(), data)

    def fileno(self) -> int:
        """The descriptor to wait for when send_some() could not send: for room, or for a reply."""
        return self._open_socket().fileno()

    def set_blocking(self) -> None:
        """Undo what an event loop does to a descriptor it waits for: uvloop makes it non-blocking."""
        self._open_socket().setblocking(True)

    def finish(self) -> Reply:
        """Read the reply to a request that was begun; closes the connection. Raises OSError.

        A streamed answer is the last thing on its connection: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
        """
        try:
            status, headers = self._read_final_head(self._open_socket())[:2]
            return Reply(status, headers, self._read_body(self._open_socket(), status, headers))
        except ValueError as error:
            raise self._not_http(error) from error
        finally:
            self.close()

    def cut(self) -> "Reply | None":
        """Leave a request that was begun unfinished; the reply, when the server has sent one all the same."""
        try:
            return self.finish() if _has_input(self._open_socket()) else None
        except OSError:
            return None
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connection; the next exchange opens a new one."""
        sock, self._socket, self._buffer = self._socket, None, b""
        try:
            if sock is not None:
                sock.close()
        except OSError:
            return  # the function has closed the descriptor, maybe along with all others

    def _round_trip(self, head: bytes, body: bytes) -> Reply:
        sock = self._socket or self._connect()
        self._silent = True
        sent = _send(sock, head, body)
        if not body and self.wait_for_reply is not None:
            self.wait_for_reply(sock.fileno())
        try:
            status, headers, closes = self._read_final_head(sock)
            delimited = status in BODILESS or "content-length" in headers or "transfer-encoding" in headers
            content = self._read_body(sock, status, headers)
        except ValueError as error:
            raise self._not_http(error) from error
        if closes or not delimited or not sent or self._buffer:  # what comes unasked is no reply to what comes next
            self.close()
        return Reply(status, headers, content)

    def _leave_to_parent(self) -> None:
        """A process the function forked must neither answer for its parent nor take events from it."""
        self.close()
        self._is_parents = True

    def _connect(self) -> _socket.socket:
        if self._is_parents:
            raise SandboxError("a forked process has come back from the handler: it should have ended with os._exit()")
        host, port = self._target
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        sock = _socket.socket(family, _socket.SOCK_STREAM)
        sock.settimeout(None)  # the function may have called socket.setdefaulttimeout()
        try:
            sock.connect((host, port))
        except OSError:
            sock.close()
            raise
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self._socket = sock
        return sock

    def _receive(self, sock: _socket.socket, limit: int, flags: int = 0) -> bytes:
        data = sock.recv(limit, flags)
        if not data:
            raise ConnectionResetError("it closed the connection")
        self._silent = False
        return data

    def _open_socket(self) -> _socket.socket:
        if self._socket is None:
            raise ConnectionResetError("the connection is closed")
        return self._socket

    def _read_final_head(self, sock: _socket.socket) -> tuple[int, dict[str, str], bool]:
        head = self._read_head(sock)
        while 100 <= head[0] < 200:
            head = self._read_head(sock)
        return head

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
        if headers.get("transfer-encoding", "identity").lower() != "identity":
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
        while size := _parse_chunk_size(self._read_line(sock)):
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

    def _not_http(self, error: ValueError) -> SandboxError:
        return SandboxError(f"the Runtime API at {self.address} sent what is not HTTP: {error}")

    def _unreachable(self, error: OSError) -> SandboxError:
        self.close()
        if is_of_function(error):
            raise error
        return SandboxError(f"cannot reach the Runtime API at {self.address}: {error}")


def _has_input(sock: _socket.socket) -> bool:
    """Whether there is something to read: bytes, an end or an error."""
    try:
        sock.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _wait_until_ready(sock: _socket.socket) -> None:
    """Wait until the server reads on, or sends something instead."""
    global _poll
    if _poll is None:
        from .surroundings.library import StandardLibrary  # few requests ever wait

        with StandardLibrary():
            from select import poll as _poll
    ready = _poll()
    ready.register(sock)
    ready.poll()


def _send(sock: _socket.socket, head: bytes, body: bytes) -> bool:
    """Send all of it in one write; False when the server stopped reading, as its reply may be here all the same."""
    try:
        if len(body) <= JOIN_BYTES:
            sock.sendall(head + body)
        else:
            _send_large(sock, head, body)
    except OSError as error:
        if not body or is_of_function(error):
            raise
        return False
    return True


def _send_large(sock: _socket.socket, head: bytes, body: bytes) -> None:
    try:
        sent = sock.sendmsg((head, body), (), _socket.MSG_DONTWAIT)
    except BlockingIOError:
        sent = 0
    for part in (head, body):
        _send_rest(sock, memoryview(part)[sent:])
        sent = max(0, sent - len(part))


def _send_rest(sock: _socket.socket, rest: memoryview) -> None:
    """Send until all is sent or the server says something instead of reading on, which is an OSError too."""
    while rest:
        sent = _send_some(sock, rest)
        rest = rest[sent:]
        if not sent:
            _wait_until_ready(sock)


def _send_some(sock: _socket.socket, data: "bytes | memoryview") -> int:
    if _has_input(sock):
        raise ConnectionAbortedError("the server ended it early")
    try:
        return sock.send(data, _socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0


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


def _parse_chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip(b" \t")
    if not digits or digits.strip(HEX_DIGITS):
        raise ValueError(f"size of a chunk: {line[:80]!r}")
    return int(digits, 16)


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

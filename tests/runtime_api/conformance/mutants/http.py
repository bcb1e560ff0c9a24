"""Mutants of HTTP."""

import socket

from .reference import Handler, Response, Runtime, Wire, mutant


class LastingWire(Wire):
    """A connection that is never let go."""

    def close(self) -> None:
        """Keep it."""


@mutant("RT-HTTP-001")
class TrustsConnection(Runtime):
    """It goes on with a connection that the server has closed."""

    def load(self) -> Handler:
        self.wire = LastingWire(self.address())
        return super().load()


@mutant("RT-HTTP-002")
class ConnectsEachTime(Runtime):
    """It has a new connection for every request."""

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
        answer = super().request(method, path, headers, body)
        self.wire.close()
        return answer


class OldWire(Wire):
    """A connection of the version before, kept open by the header that version had for it."""

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """The same, in HTTP/1.0."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in {"Connection": "keep-alive", **headers}.items())
        self.connect().sendall(f"{method} {path} HTTP/1.0\r\n{fields}\r\n".encode("latin-1") + body)


@mutant("RT-HTTP-002")
class SpeaksOldHttp(Runtime):
    """Its requests are HTTP/1.0."""

    def load(self) -> Handler:
        self.wire = OldWire(self.address())
        return super().load()


@mutant("RT-HTTP-003")
class InsistsOnContinue(Runtime):
    """It sends no body before it is asked to."""

    def post_response(self, event: Response, body: bytes) -> None:
        headers = self.answer_headers(event) | {"Content-Length": str(len(body)), "Expect": "100-continue"}
        self.wire.send("POST", f"/{self.version}{self.path_of(event, 'response')}", headers, b"")
        connection = self.wire.connect()
        connection.recv(1, socket.MSG_PEEK)
        connection.sendall(body)
        self.posted(self.wire.receive())

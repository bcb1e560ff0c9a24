"""What every API of a sandbox answers where it has no route: a path it does not serve, a method that path does not take.

Statuses and texts are those of AWS's open-source emulator.
"""

from __future__ import annotations

from runtime_api.http_connection import Connection, Request

TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"


def answer_not_found(connection: Connection) -> None:
    """404: nothing is served at this path."""
    connection.answer(404, b"404 page not found\n", TEXT)


def is_allowed(method: str, request: Request, connection: Connection, refusal: bytes = b"") -> bool:
    """Whether a request has the one method its path takes; else it is answered: 405, with `refusal` as its text."""
    if request.method == method:
        return True
    text = TEXT if refusal else b""
    connection.answer(405, refusal, text + f"Allow: {method}\r\n".encode())
    return False

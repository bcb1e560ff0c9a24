"""The listening side of the front door.

Strategy: Invoke is what callers do all day, and it needs nothing of a web framework. So a new connection is looked at: when it
begins with an Invoke call, our own HTTP code reads it and `InvokeApi` answers, at less than half of the framework's price. Anything
else goes to the aiohttp application, connection and all, and stays there; the application knows Invoke too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast
from uuid import uuid4

from runtime_api.frontend.invoke import FUNCTIONS_PATH, Answer, InvokeApi, refusal
from runtime_api.http_connection import Connection, Request, adopt
from runtime_api.protocol.invoke.errors import RequestTooLarge, ServiceFailure
from runtime_api.protocol.limits import CALLER_HEAD_LIMIT_BYTES, EVENT_LIMIT_BYTES
from runtime_api.protocol.url.address import has_url_host

_BEGINNING = f"POST {FUNCTIONS_PATH}".encode()
_logger = logging.getLogger("pilotlight")


class Door:
    """Accepts connections; `application` makes the protocol that serves what is not Invoke."""

    def __init__(self, api: InvokeApi, application: Callable[[], asyncio.BaseProtocol]) -> None:
        self._api = api
        self._application = application
        self._connections: set[Connection] = set()
        self._undecided: set[_Undecided] = set()
        self._answers: set[asyncio.Task[None]] = set()
        self._closed = False

    def accept(self) -> asyncio.Protocol:
        """The protocol of a new connection, for `create_server`."""
        undecided = _Undecided(self._choose, self._undecided.discard)
        self._undecided.add(undecided)
        if self._closed:
            # accepted before the port was closed
            undecided.close()
        return undecided

    async def close(self) -> None:
        """Let the answers that are ready go out, and close every connection."""
        self._closed = True
        if self._answers:
            await asyncio.wait(self._answers)
        for connection in list(self._connections):
            connection.close()
        for undecided in list(self._undecided):
            undecided.close()

    def _choose(self, beginning: bytes) -> asyncio.BaseProtocol | None:
        if beginning.startswith(_BEGINNING):
            connection = Connection(
                self._serve,
                self._connections.discard,
                EVENT_LIMIT_BYTES,
                head_limit_bytes=CALLER_HEAD_LIMIT_BYTES,
                answers_after_eof=True,
            )
            self._connections.add(connection)
            return connection
        return None if _BEGINNING.startswith(beginning) else self._application()

    def _serve(self, request: Request, connection: Connection) -> None:
        if request.truncated:
            connection.close()
        elif _is_invoke(request):
            answering = asyncio.get_running_loop().create_task(self._answer(request, connection))
            self._answers.add(answering)
            answering.add_done_callback(self._answers.discard)
        elif request.too_large:
            # What was too large is forgotten by now: nobody behind this could tell it from an empty body.
            self._send(refusal(RequestTooLarge(), str(uuid4())), request, connection)
        else:
            asyncio.get_running_loop().call_soon(connection.hand_over, request, self._application())

    async def _answer(self, request: Request, connection: Connection) -> None:
        try:
            answer = await self._api.answer(request.path, request.headers, None if request.too_large else request.body)
        except Exception as error:
            _logger.exception("the platform failed at %s", request.path)
            answer = refusal(ServiceFailure(f"the platform failed: {error!r}"), str(uuid4()))
        self._send(answer, request, connection)

    def _send(self, answer: Answer, request: Request, connection: Connection) -> None:
        if self._api.gate.is_draining:
            request.keep_alive = False
        connection.answer(answer.status, answer.body, _header_lines(answer))


class _Undecided(asyncio.Protocol):
    """A connection of which too little has been seen."""

    def __init__(
        self, choose: Callable[[bytes], asyncio.BaseProtocol | None], decided: Callable[[_Undecided], None]
    ) -> None:
        self._choose = choose
        self._decided = decided
        self._seen = b""
        self._closed = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._closed:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._decided(self)

    def close(self) -> None:
        """Close the connection, or as soon as it is open."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._seen += data
        chosen = self._choose(self._seen)
        if chosen is not None:
            self._decided(self)
            adopt(chosen, self._transport, self._seen)


def _is_invoke(request: Request) -> bool:
    path = request.path.partition("?")[0]
    if not (path.startswith(FUNCTIONS_PATH) and path.endswith("/invocations") and path.count("/") == 4):
        return False
    # A function's URL has a host of its own, and every path there is the function's.
    return request.method == "POST" and not has_url_host(request.headers.get("host", ""))


def _header_lines(answer: Answer) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()]).encode("latin-1")

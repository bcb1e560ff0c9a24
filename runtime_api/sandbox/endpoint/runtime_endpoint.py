"""The Runtime API of one sandbox: its port, its routes, its state, and nothing of processes or logs.

Strategy: checks run in one order, as the service has it: route, request id (400), invocation id (410), state (403), then headers and
body. What passes changes the state by the table in `protocol.runtime.states` and is told to the sandbox, which is the `Owner` here; what
does not pass leaves everything as it was. A parked `next` is just a connection in `_polls`. The other APIs of the sandbox share the
port: a connection that speaks one of them stands in `_aside`, for nobody waits for a runtime's last words there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote
from uuid import uuid4

from runtime_api.http_connection import Connection, Receiver, Request
from runtime_api.protocol import names
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES
from runtime_api.protocol.runtime.errors import (
    InvalidRequestId,
    RequestEntityTooLarge,
    RuntimeApiError,
    TruncatedHttpRequest,
)
from runtime_api.protocol.runtime.messages import (
    ACCEPTED,
    error_reply,
)
from runtime_api.protocol.runtime.states import RuntimeCall, RuntimeState, transition
from runtime_api.sandbox.endpoint.answers import (
    check_attempt,
    check_form,
    event_headers,
    is_for_attempt,
    is_streaming,
    outcome_of,
)
from runtime_api.sandbox.endpoint.response_stream import LiveStream
from runtime_api.sandbox.endpoint.routing import TEXT, answer_not_found, is_allowed
from runtime_api.sandbox.endpoint.streamed_answer import StreamedAnswer

_API = "/2018-06-01"
_INVOCATION = f"{_API}/runtime/invocation/"
_NEXT = f"{_INVOCATION}next"
_INIT_ERROR = f"{_API}/runtime/init/error"
_RESTORE = f"{_API}/runtime/restore/"
_RESTORE_NEXT = f"{_RESTORE}next"
_RESTORE_ERROR = f"{_RESTORE}error"
_PING = f"{_API}/ping"

# Told of the end of a stream: request id, outcome, and when the answer began.
Over = Callable[[str, Outcome, float | None], None]


class Owner(Protocol):
    """Whom the endpoint tells what the runtime did."""

    def runtime_ready(self) -> None:
        """The runtime asks for an event and has none in hand, or for the restore of its snapshot."""

    def runtime_answered(self, request_id: str, outcome: Outcome, began_ms: float | None) -> None:
        """The runtime answered an invocation it has; `began_ms` is when it began to, None where the answer came in one piece."""

    def runtime_streams(self, request_id: str, stream: LiveStream) -> None:
        """The runtime began an answer that goes on, to an invocation whose caller wants that; `runtime_answered` is its end."""

    def runtime_failed_init(self, outcome: Outcome) -> None:
        """The runtime reported that it could not initialise, or not go on after the restore."""


class RuntimeEndpoint:
    """The Runtime API on a port of its own. `state` is the runtime's, and the only copy of it."""

    def __init__(
        self,
        owner: Owner,
        others: dict[str, Callable[[Request, Connection], None]] | None = None,
        lost: Callable[[Connection], None] = lambda _connection: None,
        *,
        restores: bool = False,
        now_ms: Callable[[], float] | None = None,
    ) -> None:
        """`others` serve what begins with their path; `lost` is told of each connection that is gone.

        With `restores` there are the calls of SnapStart. `now_ms` tells when answers begin.
        """
        self.state = RuntimeState.STARTED
        self.address = ""
        self._owner = owner
        self._others = others or {}
        self._on_lost = lost
        self._restores = restores
        self._now_ms = now_ms
        self._server: asyncio.Server | None = None
        self._closed = False
        self._retired = False
        self._connections: set[Connection] = set()
        self._aside: set[Connection] = set()
        self._polls: list[Connection] = []
        self._current_id: str | None = None
        self._wants_stream = False
        self._invocation_id = ""
        self._attempts = 0
        self._id_prefix = str(uuid4())[:24]
        self._event: tuple[bytes, bytes] = (b"", b"")
        self._all_gone: asyncio.Event | None = None

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1; `address` is its `host:port`."""
        listener = socket.create_server(("127.0.0.1", 0))
        host, port = listener.getsockname()
        self.address = f"{host}:{port}"
        # In two steps: whoever starts a sandbox may be cancelled where it waits, and the port must be ours to close by then.
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, sock=listener, start_serving=False)
        await self._server.start_serving()

    def close(self) -> None:
        """Close the port and every connection; from now on nothing a runtime does is heard."""
        self._closed = True
        if self._server is not None:
            loop = asyncio.get_running_loop()
            for listener in self._server.sockets:
                # From here on nobody is accepted.
                loop.remove_reader(listener)
            # In its turn: asyncio would lose a connection it has accepted and not announced yet.
            loop.call_soon(self._server.close)
        for connection in list(self._connections):
            connection.close()

    def retire(self) -> None:
        """The sandbox is about to end: no answer counts any more, and who asks for an event waits for one in vain."""
        self._retired = True
        self._current_id = None

    def hand_over(self, invocation: Invocation, deadline_ms: int) -> None:
        """Give the runtime, which is Ready, its event; `deadline_ms` is in epoch milliseconds."""
        self.state = transition(self.state, RuntimeCall.DISPATCH)
        self._current_id, self._invocation_id = invocation.request_id, self._new_invocation_id()
        self._wants_stream = invocation.wants_stream
        self._event = (event_headers(invocation, deadline_ms, self._invocation_id), invocation.payload)
        polls, self._polls = self._polls, []
        for poll in polls:
            self._deliver(poll)

    def _new_invocation_id(self) -> str:
        # Counted on from a random one: a whole one for each attempt costs more than the rest of its headers.
        self._attempts += 1
        return f"{self._id_prefix}{self._attempts:012x}"

    def restore(self) -> None:
        """Let the runtime, which is RestoreReady, go on."""
        self.state = transition(self.state, RuntimeCall.RESTORE)
        polls, self._polls = self._polls, []
        for poll in polls:
            poll.answer(200, b"")

    async def wait_until_disconnected(self) -> None:
        """Wait until nobody who speaks the Runtime API is connected: whatever an ended runtime had written has been read then."""
        if not self._connections <= self._aside:
            self._all_gone = asyncio.Event()
            await self._all_gone.wait()

    def _connect(self) -> Connection:
        connection = Connection(
            self._serve, self._lost, RESPONSE_LIMIT_BYTES, now_ms=self._now_ms, receive=self._receive
        )
        self._connections.add(connection)
        if self._closed:
            # accepted before the port was closed
            connection.close()
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._aside.discard(connection)
        self._on_lost(connection)
        if connection in self._polls:
            self._polls.remove(connection)
        self._notice_disconnection()

    def _notice_disconnection(self) -> None:
        if self._all_gone is not None and self._connections <= self._aside:
            self._all_gone.set()

    def _serve(self, request: Request, connection: Connection) -> None:
        if self._closed:
            connection.close()
            return
        try:
            self._route(request, connection)
        except RuntimeApiError as refusal:
            connection.answer(refusal.status, error_reply(refusal))

    def _route(self, request: Request, connection: Connection) -> None:
        path = request.path.partition("?")[0]
        if self._aside:
            # One connection may serve a runtime and its internal extensions in turn.
            self._aside.discard(connection)
        if path == _NEXT:
            if is_allowed("GET", request, connection):
                self._next(connection)
        elif path == _INIT_ERROR:
            if is_allowed("POST", request, connection):
                self._report_failure(RuntimeCall.INIT_ERROR, request, connection)
        elif path == _PING:
            if is_allowed("GET", request, connection):
                connection.answer(200, b"pong", TEXT)
        elif self._restores and path.startswith(_RESTORE):
            self._route_restore(path, request, connection)
        elif path.startswith(_API):
            self._route_answer(path, request, connection)
        else:
            self._route_other(path, request, connection)

    def _route_restore(self, path: str, request: Request, connection: Connection) -> None:
        if path == _RESTORE_NEXT:
            if is_allowed("GET", request, connection):
                self._restore_next(connection)
        elif path == _RESTORE_ERROR:
            if is_allowed("POST", request, connection):
                self._report_failure(RuntimeCall.RESTORE_ERROR, request, connection)
        else:
            answer_not_found(connection)

    def _route_answer(self, path: str, request: Request, connection: Connection) -> None:
        addressed = _addressed(path)
        if addressed is None:
            answer_not_found(connection)
        elif is_allowed("POST", request, connection):
            self._answer(*addressed, request, connection)

    def _route_other(self, path: str, request: Request, connection: Connection) -> None:
        for prefix, serve in self._others.items():
            if path.startswith(prefix):
                self._aside.add(connection)
                self._notice_disconnection()
                serve(request, connection)
                return
        answer_not_found(connection)

    def _next(self, connection: Connection) -> None:
        before = self.state
        self.state = transition(before, RuntimeCall.NEXT)
        if self.state is RuntimeState.RUNNING and not self._retired:
            self._deliver(connection)
            return
        self._polls.append(connection)
        if before is not RuntimeState.READY and not self._retired:
            self._owner.runtime_ready()

    def _restore_next(self, connection: Connection) -> None:
        self.state = transition(self.state, RuntimeCall.RESTORE_NEXT)
        self._polls.append(connection)
        if not self._retired:
            self._owner.runtime_ready()

    def _deliver(self, connection: Connection) -> None:
        headers, payload = self._event
        connection.answer(200, payload, headers)

    def _answer(self, request_id: str, call: RuntimeCall, request: Request, connection: Connection) -> None:
        if request_id != self._current_id:
            raise InvalidRequestId
        check_attempt(request, self._invocation_id)
        answered = transition(self.state, call)
        check_form(call, request)
        self.state = transition(answered, RuntimeCall.SENT)
        self._owner.runtime_answered(request_id, outcome_of(call, request), request.began_ms)
        if request.too_large:
            raise RequestEntityTooLarge
        connection.answer(202, ACCEPTED)

    def _receive(self, request: Request, connection: Connection) -> Receiver | None:
        """Take an answer as it comes, where that is wanted and all is well with it; what is refused is collected first."""
        if not is_streaming(request) or request.method != "POST":
            return None
        request_id, call = _addressed(request.path.partition("?")[0]) or ("", None)
        return self._begin_stream(request_id, request, connection) if call is RuntimeCall.RESPONSE else None

    def _begin_stream(self, request_id: str, request: Request, connection: Connection) -> Receiver | None:
        is_answered = self.state is not RuntimeState.RUNNING
        if request_id != self._current_id or not self._wants_stream or is_answered:
            return None
        if not is_for_attempt(request, self._invocation_id):
            return None
        self.state = transition(self.state, RuntimeCall.RESPONSE)
        return self._stream(request_id, request, connection, self._end_stream)

    def _stream(self, request_id: str, request: Request, connection: Connection, over: Over) -> Receiver:
        self._aside.discard(connection)
        began_ms = None if self._now_ms is None else self._now_ms()
        stream = LiveStream(request.headers.get("content-type") or names.CONTENT_TYPE_STREAM, connection)
        self._owner.runtime_streams(request_id, stream)
        return StreamedAnswer(stream, connection, request_id, lambda outcome: over(request_id, outcome, began_ms))

    def _end_stream(self, request_id: str, outcome: Outcome, began_ms: float | None) -> None:
        if request_id != self._current_id:
            raise InvalidRequestId
        self.state = transition(self.state, RuntimeCall.SENT)
        self._owner.runtime_answered(request_id, outcome, began_ms)

    def _report_failure(self, call: RuntimeCall, request: Request, connection: Connection) -> None:
        failed = transition(self.state, call)
        if request.truncated:
            raise TruncatedHttpRequest
        self.state = failed
        self._owner.runtime_failed_init(outcome_of(call, request))
        if request.too_large:
            raise RequestEntityTooLarge
        connection.answer(202, ACCEPTED)


_ANSWERS = {"response": RuntimeCall.RESPONSE, "error": RuntimeCall.ERROR}


def _addressed(path: str) -> tuple[str, RuntimeCall] | None:
    """The request id an answer names, and which kind of answer it is."""
    request_id, slash, action = path.removeprefix(_INVOCATION).rpartition("/")
    call = _ANSWERS.get(action) if slash and path.startswith(_INVOCATION) else None
    if call is None or not request_id or "/" in request_id:
        return None
    return unquote(request_id), call

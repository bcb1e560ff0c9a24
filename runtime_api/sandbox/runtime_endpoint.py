"""The Runtime API of one sandbox: its port, its routes, its state, and nothing of processes or logs.

Strategy: checks run in one order, as the service has it: route, request id (400), state (403), then headers and body. What passes
changes the state by the table in `protocol.runtime_states` and is told to the sandbox, which is the `Owner` here; what does not pass
leaves everything as it was. A parked `next` is just a connection in `_polls`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
from typing import Protocol
from urllib.parse import unquote

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol import names
from runtime_api.protocol.invocation import Invocation, Outcome, OutcomeKind, reported_error, too_large
from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES
from runtime_api.protocol.messages import ACCEPTED, error_reply, normalise_error_type, strip_error_cause
from runtime_api.protocol.runtime_errors import (
    InvalidFunctionResponseMode,
    InvalidRequestId,
    RequestEntityTooLarge,
    RuntimeApiError,
    TruncatedHttpRequest,
)
from runtime_api.protocol.runtime_states import RuntimeCall, RuntimeState, transition

_API = "/2018-06-01"
_INVOCATION = f"{_API}/runtime/invocation/"
_NEXT = f"{_INVOCATION}next"
_INIT_ERROR = f"{_API}/runtime/init/error"
_PING = f"{_API}/ping"
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
_HEADER_ERROR_TYPE = names.HEADER_ERROR_TYPE.lower()
_HEADER_ERROR_BODY = names.HEADER_ERROR_BODY.lower()
_HEADER_RESPONSE_MODE = names.HEADER_RESPONSE_MODE.lower()


class Owner(Protocol):
    """Whom the endpoint tells what the runtime did."""

    def runtime_ready(self) -> None:
        """The runtime asks for an event and has none in hand."""

    def runtime_answered(self, outcome: Outcome) -> None:
        """The runtime answered the current invocation."""

    def runtime_failed_init(self, outcome: Outcome) -> None:
        """The runtime reported that it could not initialise."""


class RuntimeEndpoint:
    """The Runtime API on a port of its own. `state` is the runtime's, and the only copy of it."""

    def __init__(self, owner: Owner) -> None:
        self.state = RuntimeState.STARTED
        self.address = ""
        self._owner = owner
        self._server: asyncio.Server | None = None
        self._closed = False
        self._connections: set[Connection] = set()
        self._polls: list[Connection] = []
        self._current_id: str | None = None
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
            self._server.close()
        for connection in list(self._connections):
            connection.close()

    def hand_over(self, invocation: Invocation, deadline_ms: int) -> None:
        """Give the runtime, which is Ready, its event; `deadline_ms` is in epoch milliseconds."""
        self.state = transition(self.state, RuntimeCall.DISPATCH)
        self._current_id = invocation.request_id
        self._event = (event_headers(invocation, deadline_ms), invocation.payload)
        polls, self._polls = self._polls, []
        for poll in polls:
            self._deliver(poll)

    async def wait_until_disconnected(self) -> None:
        """Wait until no client is connected: whatever an ended runtime had written has been read then."""
        if self._connections:
            self._all_gone = asyncio.Event()
            await self._all_gone.wait()

    def _connect(self) -> Connection:
        connection = Connection(self._serve, self._lost, RESPONSE_LIMIT_BYTES)
        self._connections.add(connection)
        if self._closed:
            # accepted before the port was closed
            connection.close()
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self._polls:
            self._polls.remove(connection)
        if self._all_gone is not None and not self._connections:
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
        if path == _NEXT:
            if _allowed("GET", request, connection):
                self._next(connection)
        elif path == _INIT_ERROR:
            if _allowed("POST", request, connection):
                self._init_error(request, connection)
        elif path == _PING:
            if _allowed("GET", request, connection):
                connection.answer(200, b"pong", _TEXT)
        else:
            self._route_answer(path, request, connection)

    def _route_answer(self, path: str, request: Request, connection: Connection) -> None:
        request_id, slash, action = path.removeprefix(_INVOCATION).rpartition("/")
        call = _ANSWERS.get(action) if slash and path.startswith(_INVOCATION) else None
        if call is None or not request_id or "/" in request_id:
            connection.answer(404, b"404 page not found\n", _TEXT)
        elif _allowed("POST", request, connection):
            self._answer(unquote(request_id), call, request, connection)

    def _next(self, connection: Connection) -> None:
        before = self.state
        self.state = transition(before, RuntimeCall.NEXT)
        if self.state is RuntimeState.RUNNING:
            self._deliver(connection)
            return
        self._polls.append(connection)
        if before is not RuntimeState.READY:
            self._owner.runtime_ready()

    def _deliver(self, connection: Connection) -> None:
        headers, payload = self._event
        connection.answer(200, payload, headers)

    def _answer(self, request_id: str, call: RuntimeCall, request: Request, connection: Connection) -> None:
        if request_id != self._current_id:
            raise InvalidRequestId
        answered = transition(self.state, call)
        mode = request.headers.get(_HEADER_RESPONSE_MODE)
        if call is RuntimeCall.RESPONSE and mode and mode != names.RESPONSE_MODE_STREAMING:
            raise InvalidFunctionResponseMode
        if request.truncated:
            raise TruncatedHttpRequest
        self.state = transition(answered, RuntimeCall.SENT)
        self._owner.runtime_answered(_outcome(call, request))
        if request.too_large:
            raise RequestEntityTooLarge
        connection.answer(202, ACCEPTED)

    def _init_error(self, request: Request, connection: Connection) -> None:
        failed = transition(self.state, RuntimeCall.INIT_ERROR)
        if request.truncated:
            raise TruncatedHttpRequest
        self.state = failed
        self._owner.runtime_failed_init(_outcome(RuntimeCall.INIT_ERROR, request))
        if request.too_large:
            raise RequestEntityTooLarge
        connection.answer(202, ACCEPTED)


_ANSWERS = {"response": RuntimeCall.RESPONSE, "error": RuntimeCall.ERROR}


def _allowed(method: str, request: Request, connection: Connection) -> bool:
    if request.method == method:
        return True
    connection.answer(405, b"", f"Allow: {method}\r\n".encode())
    return False


def _outcome(call: RuntimeCall, request: Request) -> Outcome:
    if request.too_large:
        return too_large()
    if call is not RuntimeCall.RESPONSE:
        return _error_outcome(request)
    if _HEADER_ERROR_TYPE in request.trailers:
        return _trailer_outcome(request.trailers)
    return Outcome(OutcomeKind.SUCCESS, request.body, request.headers.get("content-type") or names.CONTENT_TYPE_JSON)


def _error_outcome(request: Request) -> Outcome:
    error_type = normalise_error_type(request.headers.get(_HEADER_ERROR_TYPE, ""))
    content_type = request.headers.get("content-type", "")
    if content_type == names.CONTENT_TYPE_ERROR_CAUSE:
        stripped = strip_error_cause(request.body)
        if stripped is None:
            return reported_error(b'"Invalid error body"', "application/octet-stream", error_type)
        return reported_error(stripped, names.CONTENT_TYPE_JSON, error_type)
    return reported_error(request.body, content_type, error_type)


def _trailer_outcome(trailers: dict[str, str]) -> Outcome:
    # A stream that failed on its way says so in its trailers; a caller who waits for the whole answer gets the error alone.
    try:
        body = base64.b64decode(trailers.get(_HEADER_ERROR_BODY, ""), validate=True)
    except binascii.Error:
        body = b""
    return reported_error(body, names.CONTENT_TYPE_JSON, normalise_error_type(trailers[_HEADER_ERROR_TYPE]))


def event_headers(invocation: Invocation, deadline_ms: int) -> bytes:
    """The headers of a `next` answer; what the invocation does not have is left out, not sent empty."""
    optional = (
        (names.HEADER_TRACE_ID, invocation.trace_id),
        (names.HEADER_CLIENT_CONTEXT, invocation.client_context),
        (names.HEADER_TENANT_ID, invocation.tenant_id),
    )
    lines = [
        f"Content-Type: {invocation.content_type}\r\n{names.HEADER_REQUEST_ID}: {invocation.request_id}\r\n"
        f"{names.HEADER_DEADLINE_MS}: {deadline_ms}\r\n{names.HEADER_FUNCTION_ARN}: {invocation.invoked_arn}\r\n"
    ]
    lines += [f"{name}: {value}\r\n" for name, value in optional if value]
    return "".join(lines).encode("latin-1")

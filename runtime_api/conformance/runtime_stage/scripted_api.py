"""The scripted Runtime API: hands out what it was given, accepts what is posted, and on demand does neither.

Strategy: polls take from one queue of events and replies, and are parked while it is empty. Every other call gets the next reply that
was set for it, else a plain 202. What the runtime does is recorded and never corrected.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace

from runtime_api.conformance.connection import Connection, Manners
from runtime_api.conformance.messages import Reply, Request
from runtime_api.conformance.runtime_stage.event import Event
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Run, call_of, is_http_1_0
from runtime_api.conformance.wire_log import WireEvent
from runtime_api.protocol.names import CONTENT_TYPE_JSON
from runtime_api.protocol.runtime.messages import ACCEPTED

_JSON = (("Content-Type", CONTENT_TYPE_JSON),)
ACCEPTED_REPLY = Reply(202, _JSON, ACCEPTED)
EMPTY_REPLY = Reply(200, _JSON)
_UNKNOWN_REPLY = Reply(404, (("Content-Type", "text/plain"),), b"404 page not found\n")
_CONNECTIONS_MAX = 500


def refusal(status: int, error_type: str = "") -> Reply:
    """A reply that refuses a call, with the body the Runtime API gives it."""
    reason = "refused by the conformance suite"
    body = f'{{"errorMessage":"{reason}","errorType":"{error_type or "InternalServerError"}"}}\n'
    return Reply(status, _JSON, body.encode())


class ScriptedApi:
    """Listens for one scenario; `address` is what AWS_LAMBDA_RUNTIME_API is to be, empty before `open`.

    `changed` is called when anything has happened; `printed` says how much the process has printed so far.
    """

    def __init__(
        self, run: Run, now_ms: Callable[[], float], changed: Callable[[], None], printed: Callable[[], int], name: str
    ) -> None:
        self.manners = Manners()
        self.address = ""
        self.port = 0
        self._run = run
        self._now_ms = now_ms
        self._changed = changed
        self._printed = printed
        self._ids = (str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{number}")) for number in itertools.count())
        self._queue: deque[Event | Reply] = deque()
        self._parked: deque[Exchange] = deque()
        self._held: set[Call] = set()
        self._replies: dict[Call, deque[Reply]] = defaultdict(deque)
        self._always: dict[Call, Reply] = {Call.RESTORE_NEXT: EMPTY_REPLY, Call.OTHER: _UNKNOWN_REPLY}
        self._connections: dict[int, Connection] = {}
        self._open: dict[Exchange, Connection] = {}
        self._server: asyncio.Server | None = None

    async def open(self, host: str) -> None:
        """Listen on a port that is free. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_server(self._connect, host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"{host}:{self.port}"

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.forget()
        while self._connections:  # noqa: ASYNC110  (each is told of its end in the next turns of the loop)
            await asyncio.sleep(0)

    @property
    def is_quiet(self) -> bool:
        """Whether no connection is open."""
        return not self._connections

    @property
    def parked(self) -> list[Exchange]:
        """The polls that wait for an event, oldest first."""
        return list(self._parked)

    def send(self, *items: Event | Reply) -> list[Event]:
        """Queue events, or bare replies, for the polls to come; events without a request id are given one."""
        filled = [
            item if isinstance(item, Reply) or item.request_id else replace(item, request_id=next(self._ids))
            for item in items
        ]
        self._queue.extend(filled)
        self._hand_out()
        return [item for item in filled if isinstance(item, Event)]

    def set_reply(self, call: Call, *replies: Reply, always: bool = False) -> None:
        """Answer the next calls of a kind with these, one each; or, `always`, all that come with the last of them."""
        if always:
            self._always[call] = replies[-1]
        else:
            self._replies[call].extend(replies)

    def park(self) -> None:
        """From now on polls wait for events again."""
        self._always.pop(Call.NEXT, None)

    def hold(self, call: Call) -> None:
        """From now on leave calls of a kind open; `reply` answers them."""
        self._held.add(call)

    def reply(self, exchange: Exchange, reply: Reply) -> None:
        """Answer a call that is open."""
        if exchange in self._parked:
            self._parked.remove(exchange)
        connection = self._open.pop(exchange)
        if reply.framing == "chunked" and is_http_1_0(exchange.request):
            # RFC 9112, section 6.1: who speaks HTTP/1.0 is sent no chunks.
            reply = replace(reply, framing="length")
        exchange.reply = reply
        connection.answer(reply, functools.partial(self._delivered, exchange, connection))

    # the connections' side

    def _connect(self) -> Connection:
        self._run.connections += 1
        connection = Connection(self._run.connections, self.manners, self._now_ms, self)
        self._connections[connection.number] = connection
        return connection

    def arrived(self, request: Request, connection: Connection) -> None:
        """Answer it, leave it open, or let it wait for an event."""
        call, request_id = call_of(request)
        exchange = Exchange(request, call, request_id, self._printed())
        self._run.exchanges.append(exchange)
        self._open[exchange] = connection
        if request.malformed or request.truncated or len(self._connections) > _CONNECTIONS_MAX:
            self.reply(exchange, Reply(400, close=True))
        elif call in self._held:
            pass
        elif call is Call.NEXT:
            self._parked.append(exchange)
            self._hand_out()
        else:
            self.reply(exchange, self._reply_to(call))
        self._changed()

    def _reply_to(self, call: Call) -> Reply:
        replies = self._replies[call]
        return replies.popleft() if replies else self._always.get(call, ACCEPTED_REPLY)

    def _hand_out(self) -> None:
        while self._parked and (self._queue or Call.NEXT in self._always):
            exchange = self._parked[0]
            item = self._queue.popleft() if self._queue else self._always[Call.NEXT]
            if isinstance(item, Event):
                exchange.event = item
                item = item.reply(time.time() * 1000)
            self.reply(exchange, item)

    def _delivered(self, exchange: Exchange, connection: Connection, was_open: bool) -> None:
        if was_open:
            exchange.replied_ms = self._now_ms()
        else:
            exchange.left_ms = self._now_ms()
        if not exchange.request.keep_alive:
            connection.end()
        self._changed()

    def lost(self, connection: Connection) -> None:
        """What was open on it will not be answered."""
        self._connections.pop(connection.number, None)
        for exchange in [one for one, owner in self._open.items() if owner is connection]:
            exchange.left_ms = self._now_ms()
            del self._open[exchange]
            if exchange in self._parked:
                self._parked.remove(exchange)
        self._changed()

    def failed(self, error: BaseException) -> None:
        """The harness is at fault: the scenario proves nothing."""
        self._run.faults.append(f"{type(error).__name__}: {error}")

    def log(self, number: int, direction: str, data: bytes) -> None:
        """Keep it for the evidence."""
        self._run.wire.append(WireEvent.of(self._now_ms(), number, direction, data))

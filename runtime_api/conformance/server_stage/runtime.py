"""A runtime the suite plays: one start of the function, with every call of the Runtime API in the suite's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.channel import Channel, Headers, request_bytes
from runtime_api.conformance.server_stage.switchboard import Line
from runtime_api.protocol.names import ENV_RUNTIME_API, HEADER_REQUEST_ID

RUNTIME = "/2018-06-01/runtime"
NEXT = f"{RUNTIME}/invocation/next"
INIT_ERROR = f"{RUNTIME}/init/error"
NOBODY = "00000000-0000-4000-8000-000000000000"
# From the end of its connections to that of the sandbox.
_MOMENT_S = 0.5
_JSON = (("Content-Type", "application/json"),)


def response_path(request_id: str) -> str:
    """Where the result of an invocation is posted."""
    return f"{RUNTIME}/invocation/{request_id}/response"


def error_path(request_id: str) -> str:
    """Where the error of an invocation is posted."""
    return f"{RUNTIME}/invocation/{request_id}/error"


class Runtime:
    """`line` is None for a start that never came: every call then tells so. `request_id` is that of the event last polled."""

    def __init__(
        self, line: Line | None, dial: Callable[[Line], Awaitable[Channel]], absent: Channel, patience_s: float
    ) -> None:
        self.line = line
        self.request_id = NOBODY
        self.patience_s = patience_s
        self._dial = dial
        self.absent = self._polls = self._posts = absent
        self._is_parked = False

    @property
    def is_there(self) -> bool:
        """Whether it was started and has not ended."""
        return self.line is not None and self.line.is_open

    async def is_ended(self, *, within_s: float = _MOMENT_S) -> bool:
        """Whether the server has ended it, or does so in a moment."""
        return self.line is not None and await self.line.gone(within_s=within_s)

    @property
    def environment(self) -> dict[str, str]:
        """What it was started with."""
        return self.line.environment if self.line else {}

    @property
    def host(self) -> str:
        """Host and port of the Runtime API as it was told."""
        return self.environment.get(ENV_RUNTIME_API, "localhost")

    async def channel(self) -> Channel:
        """A new connection to the Runtime API."""
        return await self._dial(self.line) if self.line else self.absent

    async def call(
        self, method: str, path: str, body: bytes = b"", headers: Headers = (), *, within_s: float | None = None
    ) -> Answer:
        """Any call but a poll, on a connection that is kept alive."""
        if not self._posts.is_open:
            self._posts = await self.channel()
        limit_s = self.patience_s if within_s is None else within_s
        return await self._posts.call(method, path, [("Host", self.host), *headers], body, within_s=limit_s)

    async def park(self) -> None:
        """Begin a poll, as every runtime does after its answer: some servers let the caller wait for that."""
        if self._is_parked:
            return
        if not self._polls.is_open:
            self._polls = await self.channel()
        self._is_parked = True
        await self._polls.send(request_bytes("GET", NEXT, [("Host", self.host)]))

    async def next(self, *, within_s: float | None = None) -> Answer:
        """Poll, or wait for the event of the poll that is parked; its id is kept. A poll without an event stays parked."""
        await self.park()
        event = await self._polls.receive(self.patience_s if within_s is None else within_s)
        self._is_parked = not event.status and self._polls.is_open
        if event.status == 200:
            self.request_id = event.header(HEADER_REQUEST_ID) or NOBODY
        return event

    async def respond(self, body: bytes = b'"done"', headers: Headers = _JSON, *, request_id: str = "") -> Answer:
        """Post a result."""
        return await self.call("POST", response_path(request_id or self.request_id), body, headers)

    async def fail(self, body: bytes, headers: Headers = _JSON) -> Answer:
        """Post an error of the function."""
        return await self.call("POST", error_path(self.request_id), body, headers)

    async def init_fail(self, body: bytes) -> Answer:
        """Post that initialisation went wrong."""
        return await self.call("POST", INIT_ERROR, body, _JSON)

    async def print(self, text: str) -> None:
        """Print a line, and wait until it is out."""
        if self.line:
            await self.line.order("print", text=text)

    async def drop(self, channel: Channel) -> bool:
        """End a connection as a process that dies ends it; whether that was done, for nothing is in a sandbox that is frozen."""
        done = await self.line.order("hang_up", channel=channel.number) if self.line else {}
        channel.close()
        return bool(done)

    async def drop_poll(self) -> bool:
        """The same with the connection that polls go over, the parked one with it."""
        self._is_parked = False
        return await self.drop(self._polls)

    async def exit(self, status: int) -> None:
        """End the process with a status."""
        if self.line:
            self.line.tell("exit", status=status)
            await self.line.gone()

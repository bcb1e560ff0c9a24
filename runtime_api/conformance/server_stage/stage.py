"""A stage of the server mode: what its scenarios are written against.

    @scenario("one-invocation")
    async def one_invocation(stage: Stage) -> None:
        await stage.start()
        call = stage.invoke(b'{"a": 1}')
        runtime = await stage.runtime()
        stage.keep("event", await runtime.next())
        stage.keep("accepted", await runtime.respond(b'{"b": 2}'))
        stage.keep("outcome", await call)

Strategy: the suite is both ends at once, the caller and, through the bootstrap it put into the function's folder, the runtime. Steps wait
with a limit and never raise for what the server does wrong: what does not come is an answer with a fault, so a scenario is a plain list
of steps, and a server that fails in the middle leaves a record full of faults, for the judges to read.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runtime_api.conformance.cases import Scenario
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.channel import Channel, Headers
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.inbox import Inbox
from runtime_api.conformance.server_stage.runtime import Runtime
from runtime_api.conformance.server_stage.switchboard import Line
from runtime_api.conformance.server_stage.target import Place, Served, ServerPace, Target
from runtime_api.conformance.wire_log import NOTE, WireEvent

_BUSY = 503
_BUSY_S = 5.0
_AGAIN_S = 0.02


class Stage:
    """One scenario's server, callers and runtimes; `course` is the record."""

    def __init__(self, name: str, target: Target, pace: ServerPace, folder: Path) -> None:
        self.target = target
        self.pace = pace
        self.course = Course(target.function, time.time() * 1000)
        self._folder = folder
        self._began_s = asyncio.get_running_loop().time()
        self._served: Served | None = None
        self._taken = 0
        self._numbers = 1000
        self._tasks: list[asyncio.Task[Answer]] = []
        self._channels: list[Channel] = []
        self._inboxes: list[Inbox] = []

    def now_ms(self) -> float:
        """The time since the stage was opened."""
        return (asyncio.get_running_loop().time() - self._began_s) * 1000

    async def start(self, *, timeout_s: int | None = None, feature: str = "") -> None:
        """Start the server; its function has any timeout that is long enough, or this one. Raises ServerUnusable."""
        place = Place(self._folder, timeout_s, feature, self.now_ms)
        self._served = await self.target.serve(place)
        self.course.timeout_s = self._served.timeout_s
        self.course.servers.append(self._served.record)

    # the record

    def keep(self, name: str, answer: Answer) -> Answer:
        """Keep an answer for the judges."""
        self.course.answers[name] = answer
        return answer

    def fact(self, name: str, value: Any) -> None:  # noqa: ANN401  (whatever judges want to know)
        """Keep something else."""
        self.course.facts[name] = value

    def note(self, text: str) -> None:
        """Write a line into the wire log."""
        self.log(0, NOTE, text.encode())

    def log(self, number: int, direction: str, data: bytes) -> None:
        """Write into the wire log."""
        self.course.wire.append(WireEvent.of(self.now_ms(), number, direction, data))

    # callers

    @property
    def path(self) -> str:
        """The path of an Invoke call of the function."""
        return f"/2015-03-31/functions/{quote(self.target.function)}/invocations"

    def invoke(
        self, body: bytes = b"{}", headers: Headers = (), *, path: str = "", within_s: float | None = None
    ) -> asyncio.Task[Answer]:
        """Call the function, on a connection of its own, beside what the scenario does next."""
        limit_s = self.course.timeout_s + self.pace.patience_s if within_s is None else within_s
        fields = [("Content-Type", "application/json"), *headers]
        task = asyncio.create_task(self._call(path or self.path, fields, body, limit_s))
        self._tasks.append(task)
        return task

    async def _call(self, path: str, headers: Headers, body: bytes, within_s: float) -> Answer:
        deadline = asyncio.get_running_loop().time() + _BUSY_S
        while True:
            channel = await self.front()
            answer = await channel.call("POST", path, headers, body, within_s=within_s)
            # A server that is still starting says so, and AWS's SDKs try again.
            if answer.status != _BUSY or asyncio.get_running_loop().time() > deadline:
                return answer
            await asyncio.sleep(_AGAIN_S)

    async def front(self) -> Channel:
        """A connection to the Invoke API."""
        assert self._served is not None
        self._numbers += 1
        streams = None
        with contextlib.suppress(OSError):
            streams = await asyncio.open_connection(self._served.host, self._served.port)
        channel = Channel(self._numbers, streams, self.now_ms, self.log, "the server takes no connections")
        self._channels.append(channel)
        return channel

    # runtimes

    async def runtime(self, *, within_s: float | None = None) -> Runtime:
        """The next start of the function, once it has reported; one that only tells so when it does not."""
        assert self._served is not None
        board = self._served.switchboard
        deadline = asyncio.get_running_loop().time() + (self.pace.patience_s if within_s is None else within_s)
        while len(board.lines) <= self._taken:
            board.arrived.clear()
            try:
                await asyncio.wait_for(board.arrived.wait(), deadline - asyncio.get_running_loop().time())
            except (asyncio.TimeoutError, TimeoutError):
                self.note("no runtime was started")
                return self._runtime(None)
        line = board.lines[self._taken]
        self._taken += 1
        self.note(f"runtime {line.pid} was started")
        return self._runtime(line)

    def _runtime(self, line: Line | None) -> Runtime:
        absent = Channel(0, None, self.now_ms, self.log, f"no runtime was started{self._told_callers()}")
        return Runtime(line, self._dial, absent, self.pace.patience_s)

    def _told_callers(self) -> str:
        told = [task.result().story for task in self._tasks if task.done() and not task.cancelled()]
        return f"; a caller got {told[-1]}" if told else ""

    async def _dial(self, line: Line) -> Channel:
        assert self._served is not None
        channel = await self._served.switchboard.dial(line, self.now_ms, self.log)
        self._channels.append(channel)
        return channel

    async def listen(self, runtime: Runtime) -> tuple[Inbox, int]:
        """Listen where a runtime is: what is delivered there, and the port."""
        assert self._served is not None
        inbox = Inbox(self.log)
        self._inboxes.append(inbox)
        port = await self._served.switchboard.listen(runtime.line, inbox.accept) if runtime.line else 0
        return inbox, port

    # the usual

    async def one(self, runtime: Runtime, call: asyncio.Task[Answer]) -> Answer:
        """Let a runtime poll and answer; what the caller got."""
        await runtime.next()
        await runtime.respond()
        await runtime.park()
        return await call

    async def event_after(self, runtime: Runtime, *, within_s: float | None = None) -> tuple[Runtime, Answer]:
        """The next event and who gets it: this runtime, or the next one of a server that ends a sandbox after what went wrong in it."""
        event = await runtime.next(within_s=within_s)
        if event.status == 200:
            return runtime, event
        other = await self.runtime(within_s=within_s if await runtime.is_ended() else self.pace.quiet_s)
        return (other, await other.next()) if other.is_there else (runtime, event)

    async def quiet(self) -> None:
        """Wait for as long as nothing has to happen to be taken for nothing."""
        await asyncio.sleep(self.pace.quiet_s)

    async def close(self) -> None:
        """End everything and complete the record."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            channel.close()
        for inbox in self._inboxes:
            inbox.close()
        if self._served is not None:
            await self._served.end()


def encoded(text: str) -> str:
    """A text as the client context header carries it."""
    return base64.b64encode(text.encode()).decode()


def statuses(answers: Iterable[Answer]) -> list[int]:
    """The statuses of some answers."""
    return [answer.status for answer in answers]


async def play(scenario: Scenario, target: Target, pace: ServerPace) -> Course:
    """The record of one scenario, in a folder of its own that is gone afterwards. Raises ServerUnusable and OSError."""
    with tempfile.TemporaryDirectory(prefix="conform-", ignore_cleanup_errors=True) as folder:
        stage = Stage(scenario.name, target, pace, Path(folder))
        try:
            await scenario.play(stage)
        finally:
            await stage.close()
        return stage.course

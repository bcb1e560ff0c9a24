"""A stage: what a scenario of the runtime mode is written against.

    @scenario("three-events")
    async def three_events(stage: Stage) -> None:
        await stage.start()
        await stage.serve(op("counter"), op("counter"), op("counter"))

Strategy: everything a scenario waits for, it waits for with a limit and without an exception: `serve`, `idle`, `gone` and `until` say
whether it came, and come back at once when the process is over and nothing more can come. So a scenario is a plain list of steps, and a
runtime that dies in the middle leaves a shorter record, which is for the judges to find fault with.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runtime_api.conformance.cases import Scenario
from runtime_api.conformance.messages import Reply
from runtime_api.conformance.runtime_stage.decoy import Decoy
from runtime_api.conformance.runtime_stage.event import Event
from runtime_api.conformance.runtime_stage.record import Call, Run
from runtime_api.conformance.runtime_stage.scripted_api import ScriptedApi
from runtime_api.conformance.runtime_stage.surroundings import changed, environment_for, fill_task_root
from runtime_api.conformance.runtime_stage.testee import Testee
from runtime_api.conformance.target import Pace, Target
from runtime_api.conformance.wire_log import NOTE, WireEvent

_LAST_BYTES_S = 1.0
LOOPBACK = "127.0.0.1"


class HarnessFault(Exception):
    """A scenario did not go as it says, and the runtime is not to blame."""


class Stage:
    """One scenario's server and processes; `api` and `run` are open to scenarios that need more than the steps below."""

    def __init__(self, name: str, target: Target, pace: Pace, folder: Path) -> None:
        self.target = target
        self.pace = pace
        self.run = Run(epoch_ms=time.time() * 1000)
        self.task_root = folder / "task"
        self._began_s = asyncio.get_running_loop().time()
        self._testees: list[Testee] = []
        self._changes = asyncio.Event()
        self._decoy = Decoy(self.run.decoy, self.now_ms, self._changes.set)
        self.api = ScriptedApi(self.run, self.now_ms, self._changes.set, self.printed, name)

    def now_ms(self) -> float:
        """The time since the stage was opened."""
        return (asyncio.get_running_loop().time() - self._began_s) * 1000

    async def start(
        self,
        handler: str = "conf.main",
        *,
        environment: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start the command, in its task root unless `cwd` says otherwise; the server first, if that does not run yet.

        `environment` changes single variables, None leaving them out. Raises CannotStart.
        """
        if not self.api.address:
            await self.listen()
        if not self.task_root.exists():
            fill_task_root(self.task_root, self.target.handlers)
        mark = f"2026/11/21/[$LATEST]{secrets.token_hex(16)}"
        usual = environment_for(self.api.address, handler, self.task_root, mark) | dict(self.target.environment)
        testee = Testee(mark, self.now_ms, self._changes.set)
        self._testees.append(testee)
        self.run.processes.append(testee.record)
        await testee.start(self.target.command, changed(usual, environment or {}), cwd or self.task_root)
        self.note(f"started process {testee.record.pid} with _HANDLER={handler}")

    async def listen(self, *hosts: str) -> None:
        """Open the Runtime API on the first of these addresses that the machine has, before the usual one."""
        for host in hosts:
            with contextlib.suppress(OSError):
                return await self.api.open(host)
        await self.api.open(LOOPBACK)
        return None

    # steps

    def send(self, *items: Event | Reply) -> list[Event]:
        """Queue events, or bare replies, for the polls to come."""
        return self.api.send(*items)

    async def serve(self, *events: Event, within_s: float | None = None) -> bool:
        """Hand out events one after the other, and wait until each is answered and the runtime polls again."""
        return await self._answered(self.send(*events), within_s)

    async def serve_row(self, *events: Event, within_s: float) -> bool:
        """The same with many events, at the runtime's own pace; what breaks it off early is marked.

        "time is up" while answers still came, "stalled" when none came for as long as patience lasts, or none can come any more.
        """
        sent = self.send(*events)
        deadline_ms = self.now_ms() + within_s * 1000
        while not self._is_answered(sent):
            if not await self._more_answers(sent):
                self.mark("stalled")
                return False
            if self.now_ms() > deadline_ms:
                self.mark("time is up")
                return False
        return True

    async def serve_frozen(self, event: Event, seconds: float) -> bool:
        """The same with one event that arrives while the process is stopped, as Lambda stops it between invocations."""
        self.signal(signal.SIGSTOP)
        sent = self.send(event)
        await asyncio.sleep(seconds)
        self.signal(signal.SIGCONT)
        return await self._answered(sent, None)

    async def idle(self, *, within_s: float | None = None) -> bool:
        """Wait until the runtime waits for an event."""
        return await self.until(lambda: self.api.parked, within_s=within_s)

    async def gone(self, *, within_s: float) -> bool:
        """Wait until the command last started has ended by itself."""
        return await self.until(lambda: not self._testees[-1].is_alive, within_s=within_s)

    async def count(self, call: Call, number: int) -> bool:
        """Wait until as many calls of a kind have come."""
        return await self.until(lambda: len(self.run.of(call)) >= number)

    async def until(self, condition: Callable[[], object], *, within_s: float | None = None) -> bool:
        """Wait until something is so; whether it came to that. No longer than patience lasts, or than anything can change."""
        limit_s = self.pace.patience_s if within_s is None else within_s
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_s
        while not condition():
            left_s = deadline - loop.time()
            if left_s <= 0 or self._is_over():
                return bool(condition())
            self._changes.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changes.wait(), left_s)
        return True

    async def rest(self, seconds: float) -> None:
        """Let time pass, to see what a runtime does when nothing happens; less when the process is over."""
        await self.until(lambda: False, within_s=seconds)

    def signal(self, number: int) -> None:
        """Send a signal to the process group."""
        self.note(f"{signal.Signals(number).name} to the process group")
        self._testees[-1].signal(number)

    async def stop(self) -> None:
        """End what was last started, with all it started."""
        await self._testees[-1].clear()

    def mark(self, name: str) -> None:
        """Keep the present time in the record."""
        self.run.marks[name] = self.now_ms()
        self.note(name)

    def sample(self, name: str) -> None:
        """Look at the process, and keep what is seen in the record."""
        self.run.samples[name] = self._testees[-1].sample()

    async def left_behind(self, *, within_s: float) -> None:
        """Keep in the record how many processes are still there after the end of the command, given some time to end as well."""
        if self._testees[-1].members():
            await asyncio.sleep(within_s)
        self.run.left_behind = len(self._testees[-1].members())

    def note(self, text: str) -> None:
        """Write a line into the wire log."""
        self.run.wire.append(WireEvent.of(self.now_ms(), 0, NOTE, text.encode()))

    def printed(self) -> int:
        """How much the processes have printed until now."""
        return sum(testee.printed() for testee in self._testees)

    async def listen_in_vain(self, host: str, port: int) -> bool:
        """Listen where no request ought to come, and record what does; whether the place could be had."""
        return await self._decoy.open(host, port)

    async def close(self) -> None:
        """Let the last bytes come in, end everything and complete the record."""
        self.run.over_ms = self.now_ms()
        if self._testees and not self._testees[-1].is_alive:
            await self.until(lambda: self.api.is_quiet, within_s=_LAST_BYTES_S)
        for testee in self._testees:
            await testee.clear()
        await self.api.close()
        self._decoy.close()

    async def _answered(self, events: list[Event], within_s: float | None) -> bool:
        return await self.until(lambda: self._is_answered(events), within_s=within_s)

    async def _more_answers(self, events: list[Event]) -> bool:
        count = len(self.run.answers)
        return await self.until(lambda: len(self.run.answers) > count or self._is_answered(events))

    def _is_answered(self, events: list[Event]) -> bool:
        if not self.api.parked:
            return False
        return {event.request_id for event in events} <= {answer.request_id for answer in self.run.answers}

    def _is_over(self) -> bool:
        return bool(self._testees) and not any(testee.is_alive for testee in self._testees) and self.api.is_quiet


async def play(scenario: Scenario, target: Target, pace: Pace) -> Run:
    """The record of one scenario, in a folder of its own that is gone afterwards. Raises CannotStart, HarnessFault and OSError."""
    with tempfile.TemporaryDirectory(prefix="conform-", ignore_cleanup_errors=True) as folder:
        stage = Stage(scenario.name, target, pace, Path(folder))
        try:
            await scenario.play(stage)
        finally:
            await stage.close()
        if stage.run.faults:
            raise HarnessFault("; ".join(stage.run.faults))
        return stage.run

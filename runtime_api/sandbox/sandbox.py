"""A sandbox: one process group, one Runtime API port, one state, one invocation at a time, from init to its end.

Strategy: everything happens on the event loop, in answer to four things: somebody hands in an invocation, the runtime calls its API,
a timer fires, the process exits. The life is one enum; the runtime's own state is the endpoint's.

    INIT ──next──▶ IDLE ──invoke──▶ BUSY ──answer, next──▶ IDLE
      └────────────────┴──── exit, timeout, stop ──▶ ENDED

The caller has its outcome when the runtime answers (with a log tail: when REPORT is written); the sandbox is free again when the
runtime asks for the next event. A sandbox that ENDED is never used again.
Source: the Developer Guide's lambda-runtime-environment page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from math import ceil

import msgspec

from runtime_api.protocol.clock import Clock, Timer
from runtime_api.protocol.exits import exit_reason
from runtime_api.protocol.function import Function
from runtime_api.protocol.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome, OutcomeKind, exited, invalid_entrypoint, timed_out
from runtime_api.protocol.limits import INIT_LIMIT_MS
from runtime_api.protocol.log_sink import LogSink
from runtime_api.protocol.names import VERSION_LATEST
from runtime_api.protocol.runtime_states import RuntimeState
from runtime_api.sandbox.environment import log_stream_name, sandbox_environment
from runtime_api.sandbox.memory import PeakMemory
from runtime_api.sandbox.output import Output
from runtime_api.sandbox.process import ProcessGroup
from runtime_api.sandbox.runtime_endpoint import RuntimeEndpoint
from runtime_api.sandbox.runtimes import LaunchFailed, resolve_launch
from runtime_api.telemetry.events import Event, FunctionLine, InitReport, InitStart, Report, RuntimeDone, Start
from runtime_api.telemetry.log_tail import LogTail
from runtime_api.telemetry.stream import Stream
from runtime_api.telemetry.text_log import text_lines

# How long an ended runtime's last words may take to arrive, and how long one that reported an init error may take to leave.
LAST_WORDS_MS = 200
LEAVE_AFTER_INIT_ERROR_MS = 500


class SandboxState(Enum):
    """Where a sandbox stands in its life."""

    INIT = "init"
    IDLE = "idle"
    BUSY = "busy"
    ENDED = "ended"


class _Current:
    """The invocation a sandbox holds, and what is known of it so far."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.outcome: Outcome | None = None
        self.tail = LogTail() if invocation.wants_log_tail else None
        self.started_ms: float | None = None
        self.deadline_ms = 0
        self.timer: Timer | None = None

    def resolve(self, outcome: Outcome) -> None:
        """Let the caller have it; a caller that went away has cancelled its wait."""
        if self.answered.done():
            return
        if self.tail is not None:
            outcome = msgspec.structs.replace(outcome, log_tail=self.tail.text())
        self.answered.set_result(outcome)


class Sandbox:
    """One execution environment of a function.

    `on_idle` is called each time it can take an invocation again, `on_ended` once, when it never will; `log` gets the function's name
    and the text of the log as it is written.
    """

    def __init__(
        self,
        function: Function,
        account: Account,
        clock: Clock,
        on_idle: Callable[[Sandbox], None],
        on_ended: Callable[[Sandbox], None],
        log: LogSink | None = None,
    ) -> None:
        self.function = function
        self.state = SandboxState.INIT
        self._account = account
        self._clock = clock
        self._on_idle = on_idle
        self._on_ended = on_ended
        self._stream = Stream(clock)
        if log is not None:
            self._stream.subscribe(lambda event: _write(log, function.name, event))
        self._endpoint = RuntimeEndpoint(self)
        self._output = Output(lambda line: self._stream.publish(FunctionLine(line)))
        self._processes: ProcessGroup | None = None
        self._memory: PeakMemory | None = None
        self._current: _Current | None = None
        self._init_started_ms = 0.0
        self._init_duration_ms: float | None = None
        self._init_overran = False
        self._ending: Callable[[str], Outcome] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._cleanup: asyncio.Task[None] | None = None

    @property
    def finishing(self) -> bool:
        """Whether its invocation is answered and only the runtime's next call is awaited."""
        return self.state is SandboxState.BUSY and self._endpoint.state is RuntimeState.RESPONSE_SENT

    @property
    def alive(self) -> bool:
        """Whether it can still do anything: its runtime may have gone a moment ago, unnoticed yet."""
        return self.state is not SandboxState.ENDED and self._processes is not None and not self._processes.has_ended()

    async def start(self) -> None:
        """Open the port and start the runtime. A runtime that cannot be started ends the sandbox: `invoke` answers why.

        Raises InterpreterUnusable.
        """
        try:
            await self._endpoint.open()
            if self.state is not SandboxState.ENDED:
                self._launch()
        except LaunchFailed as failure:
            reason = str(failure)
            self._end(lambda request_id: invalid_entrypoint(request_id, reason))
        except BaseException:
            self._end(lambda request_id: exited(request_id, "Runtime was not started"))
            raise

    def _launch(self) -> None:
        self._init_started_ms = self._clock.monotonic_ms()
        self._stream.publish(InitStart(self.function.name, VERSION_LATEST))
        launch = resolve_launch(self.function)
        stream_name = log_stream_name(self._clock.time_ms())
        environment = sandbox_environment(
            self.function, self._account, self._endpoint.address, stream_name, launch.execution_env
        )
        self._processes = ProcessGroup(launch, self.function.task_root, environment, self._output.write_fd)
        self._output.started()
        self._memory = PeakMemory(self._processes.pid)
        self._watch = asyncio.ensure_future(self._watch_exit(self._processes))

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation, which may wait for init to finish. Legal when IDLE, once during INIT, and after the end, which it reports.

        Cancelling the call leaves the sandbox at work: only the outcome goes nowhere.
        """
        assert self._current is None
        current = self._current = _Current(invocation)
        if current.tail is not None:
            self._stream.subscribe(current.tail)
        if self.state is SandboxState.IDLE:
            self._hand_over(current)
        elif self.state is SandboxState.INIT:
            # An init that takes longer than its limit goes on at the cost of the invocation's own time.
            current.timer = self._clock.call_later(INIT_LIMIT_MS, self._overrun_init)
        else:
            self._report_end(current)
        return await current.answered

    async def stop(self) -> None:
        """End it now, and wait until nothing of it is left."""
        self._end(lambda request_id: exited(request_id, exit_reason(-9)))
        if self._cleanup is not None:
            await self._cleanup

    # what the runtime did

    def runtime_ready(self) -> None:
        """The runtime called next: init is over, or the invocation is."""
        if self.state is SandboxState.INIT:
            self._look_at_memory()
            self._output.drain()
            self._init_succeeded()
        elif self._current is not None:
            self._finish(self._current)
        if self._current is not None:
            self._hand_over(self._current)
        else:
            self.state = SandboxState.IDLE
            self._on_idle(self)

    def _init_succeeded(self) -> None:
        if self._init_overran:
            # Reported then; what it took since is the invocation's.
            return
        self._init_duration_ms = self._clock.monotonic_ms() - self._init_started_ms
        self._stream.publish(InitReport(OutcomeKind.SUCCESS, self._init_duration_ms))

    def runtime_answered(self, outcome: Outcome) -> None:
        """The runtime posted a response or an error."""
        current = self._current
        assert current is not None
        current.outcome = outcome
        if current.tail is None:
            current.resolve(outcome)

    def runtime_failed_init(self, outcome: Outcome) -> None:
        """The runtime posted an init error: it is expected to leave by itself, and made to if it stays."""
        self._look_at_memory()
        self._ending = lambda _request_id: outcome
        self._clock.call_later(LEAVE_AFTER_INIT_ERROR_MS, lambda: self._end(lambda _request_id: outcome))

    # the invocation's way

    def _hand_over(self, current: _Current) -> None:
        self.state = SandboxState.BUSY
        if current.started_ms is None:
            self._begin(current)
        self._endpoint.hand_over(current.invocation, current.deadline_ms)

    def _begin(self, current: _Current) -> None:
        """START: from here the time is the invocation's own."""
        timeout_ms = self.function.timeout_ms
        if current.timer is not None:
            current.timer.cancel()
        if current.tail is not None:
            current.tail.restart()
        self._stream.publish(Start(current.invocation.request_id, current.invocation.version))
        current.started_ms = self._clock.monotonic_ms()
        current.deadline_ms = int(self._clock.time_ms() + timeout_ms)
        current.timer = self._clock.call_later(timeout_ms, self._timed_out)

    def _finish(self, current: _Current) -> None:
        assert current.outcome is not None
        assert current.timer is not None
        current.timer.cancel()
        self._output.drain()
        self._publish_report(current, current.outcome)
        self._release(current, current.outcome)

    def _release(self, current: _Current, outcome: Outcome) -> None:
        self._current = None
        self._init_duration_ms = None
        current.resolve(outcome)
        if current.tail is not None:
            self._stream.unsubscribe(current.tail)

    def _publish_report(self, current: _Current, outcome: Outcome) -> None:
        duration_ms = 0.0
        if outcome.kind is OutcomeKind.TIMEOUT:
            duration_ms = float(self.function.timeout_ms)
        elif current.started_ms is not None:
            duration_ms = self._clock.monotonic_ms() - current.started_ms
        request_id, status, message = current.invocation.request_id, outcome.kind, outcome.platform_message
        self._stream.publish(RuntimeDone(request_id, status, duration_ms, outcome.error_type, message))
        self._stream.publish(
            Report(
                request_id,
                status,
                duration_ms,
                ceil(duration_ms + (self._init_duration_ms or 0)),
                self.function.memory_mb,
                self._look_at_memory(),
                self._init_duration_ms,
                outcome.error_type if message is not None else None,
            )
        )

    def _look_at_memory(self) -> int:
        return self._memory.peak_mb() if self._memory is not None else 0

    # the ends

    def _overrun_init(self) -> None:
        assert self._current is not None
        self._init_overran = True
        self._stream.publish(InitReport(OutcomeKind.TIMEOUT, self._clock.monotonic_ms() - self._init_started_ms))
        self._begin(self._current)

    def _timed_out(self) -> None:
        self._end(lambda request_id: timed_out(request_id, self.function.timeout_ms))

    async def _watch_exit(self, processes: ProcessGroup) -> None:
        returncode = await asyncio.shield(processes.exited)
        if self.state is SandboxState.ENDED:
            return
        if self.state is not SandboxState.IDLE:
            await self._hear_last_words()
        self._end(self._ending or (lambda request_id: exited(request_id, exit_reason(returncode))))

    async def _hear_last_words(self) -> None:
        # What the runtime had written before it went may still be in the socket.
        words = asyncio.ensure_future(self._endpoint.wait_until_disconnected())
        timer = self._clock.call_later(LAST_WORDS_MS, words.cancel)
        await asyncio.wait([words])
        timer.cancel()

    def _end(self, outcome_of: Callable[[str], Outcome]) -> None:
        """The one way a sandbox ends: kill, read what was printed, answer whoever waits, close."""
        if self.state is SandboxState.ENDED:
            return
        failed_init = self.state is SandboxState.INIT and not self._init_overran
        self.state = SandboxState.ENDED
        self._ending = outcome_of
        self._endpoint.close()
        self._look_at_memory()
        if self._processes is not None:
            self._processes.kill()
        self._output.drain()
        if failed_init:
            duration_ms = self._clock.monotonic_ms() - self._init_started_ms
            self._stream.publish(InitReport(OutcomeKind.ERROR, duration_ms, outcome_of("").error_type))
        if self._current is not None:
            self._report_end(self._current)
        self._cleanup = asyncio.ensure_future(self._clean_up())
        self._on_ended(self)

    def _report_end(self, current: _Current) -> None:
        assert self._ending is not None
        outcome = self._ending(current.invocation.request_id)
        if current.timer is not None:
            current.timer.cancel()
        if current.started_ms is None:
            self._stream.publish(Start(current.invocation.request_id, current.invocation.version))
        self._publish_report(current, outcome)
        self._release(current, current.outcome or outcome)

    async def _clean_up(self) -> None:
        if self._processes is not None:
            await self._processes.reap()
        if self._watch is not None:
            await self._watch
        self._output.close()
        if self._memory is not None:
            self._memory.close()


def _write(log: LogSink, name: str, event: Event) -> None:
    text = text_lines(event)
    if text:
        log(name, text)

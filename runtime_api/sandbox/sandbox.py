"""A sandbox that takes one invocation at a time: idle, busy with it, idle again.

    INIT ──all ready──▶ IDLE ──invoke──▶ BUSY ──answer, all ready──▶ IDLE
      └────────────────────┴──── exit, timeout, stop ──▶ ENDED

With SnapStart the first invocation finds the runtime where its snapshot would be taken: RESTORE comes before BUSY then.

The caller has its outcome when the runtime answers (with a log tail: when REPORT is written), and the stream of one that goes on when
it begins. A stream that is cut off is over when it is known why: the runtime goes on, exits or overruns its time. The sandbox is free
again when the runtime and every extension that was told of the invocation ask for the next event. An init that fails, or takes longer
than its limit, is run a second time within the first invocation: by a new sandbox in the same place, under the function's own timeout
(`invoke_with_init`).
Source: the Developer Guide's lambda-runtime-environment page.
"""

from __future__ import annotations

from collections.abc import Callable

from runtime_api.http_connection import Connection
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.extension.messages import ShutdownReason, invoke_event
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome, timed_out
from runtime_api.protocol.limits import RESTORE_LIMIT_MS
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.sandbox.endpoint.response_stream import LiveStream
from runtime_api.sandbox.endpoint.runtime_endpoint import RuntimeEndpoint
from runtime_api.sandbox.in_hand import InHand
from runtime_api.sandbox.life import Apis, Life, SandboxState
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.restore import Restore
from runtime_api.sandbox.telling.outlets import Outlets
from runtime_api.sandbox.telling.tracing import traced

__all__ = ["Sandbox", "SandboxState"]


class Sandbox(Life):
    """One life of an execution environment, in a place that may have seen others.

    `on_idle` is called each time it can take an invocation again, `on_ended` once, when it never will; `outlets` get its log and traces.
    """

    def __init__(
        self,
        function: Function,
        account: Account,
        clock: Clock,
        place: Place,
        on_idle: Callable[[Sandbox], None],
        on_ended: Callable[[Sandbox], None],
        outlets: Outlets,
    ) -> None:
        self._in_hand: InHand | None = None
        self._is_restored = function.initialization_type is InitializationType.SNAP_START
        super().__init__(function, account, clock, place, lambda: on_ended(self), outlets)
        self._on_idle = on_idle
        self._restore = Restore(clock, self._chronicle) if self._is_restored else None

    @property
    def finishing(self) -> bool:
        """Whether its invocation is answered and only the next calls of the runtime and the extensions are awaited."""
        return self._in_hand is not None and self._in_hand.outcome is not None

    @property
    def failed_init(self) -> bool:
        """Whether it failed before its first invocation began: whoever brings one gets it back, to run it again."""
        return self.failed and self._ended_in_init and self._chronicle.phase is InitPhase.INIT

    def can_invoke(self) -> bool:
        """Whether it can take an invocation now."""
        self._end_if_gone()
        return self.state is SandboxState.IDLE

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation, which may wait for init to finish. Legal when IDLE, once during INIT, and after the end, which it reports.

        Cancelling the call leaves the sandbox at work: only the outcome goes nowhere. Raises InitFailed.
        """
        current = self._take(invocation)
        if self.state is SandboxState.IDLE:
            self._hand_over(current)
        elif self.state is SandboxState.ENDED:
            self._report_end(current)
        return await current.answered

    async def invoke_with_init(self, invocation: Invocation) -> Outcome:
        """Start, and run an invocation whose time begins now: what `start` and `invoke` are after an init that failed."""
        self._chronicle.phase = InitPhase.INVOKE
        current = self._take(invocation)
        self._begin(current)
        await self.start()
        return await current.answered

    def _make_endpoint(self, others: Apis, lost: Callable[[Connection], None]) -> RuntimeEndpoint:
        return RuntimeEndpoint(self, others, lost, restores=self._is_restored, now_ms=self._clock.monotonic_ms)

    def _begin_service(self) -> None:
        if self._in_hand is None:
            self._rest()
        else:
            self._hand_over(self._in_hand)

    @property
    def _is_awaited(self) -> bool:
        return self.state is not SandboxState.IDLE

    # what the runtime did

    def runtime_ready(self) -> None:
        """The runtime called next: its init is over, its restore is, or its part of the invocation is; or it called restore/next."""
        assert self._programs.runtime is not None
        self._programs.runtime.drain()
        if self.state is SandboxState.INIT:
            self._runtime_initialised()
        elif self.state is SandboxState.RESTORE:
            self._restored()
        elif self._in_hand is not None and self._in_hand.outcome is not None:
            self._chronicle.runtime_done(self._in_hand, self._in_hand.outcome)
            self._progress()

    def runtime_answered(self, request_id: str, outcome: Outcome, began_ms: float | None) -> None:
        """The runtime posted a response or an error."""
        current = self._in_hand
        assert current is not None
        self._chronicle.answered(current, outcome, began_ms)
        if current.tail is None and not outcome.is_truncated:
            current.resolve(outcome)

    def runtime_streams(self, request_id: str, stream: LiveStream) -> None:
        """The runtime began an answer that goes on."""
        assert self._in_hand is not None
        self._in_hand.begin_stream(stream)

    # the invocation's way

    def _take(self, invocation: Invocation) -> InHand:
        assert self._in_hand is None
        invocation, tracing = traced(invocation, self._outlets.new_segment_id())
        self._in_hand = InHand(invocation, self._render, tracing)
        if self._in_hand.tail is not None:
            self._stream.subscribe(self._in_hand.tail)
        return self._in_hand

    def _hand_over(self, current: InHand) -> None:
        if self.function.freeze:
            self.place.thaw()
        if self._restore is not None and self._restore.is_due:
            self._begin_restore(self._restore)
            return
        self.state = SandboxState.BUSY
        if current.started_ms is None:
            self._begin(current)
        self._endpoint.hand_over(current.invocation, current.deadline_ms)
        if self._extensions:
            self._extensions.invoke(invoke_event(current.invocation, current.deadline_ms))

    def _begin_restore(self, restore: Restore) -> None:
        self.state = SandboxState.RESTORE
        if not restore.begin(self._endpoint, self._restore_timed_out):
            self._restored()

    def _restored(self) -> None:
        assert self._restore is not None
        assert self._in_hand is not None
        self._restore.succeed()
        self._hand_over(self._in_hand)

    def _begin(self, current: InHand) -> None:
        """START: from here the time is the invocation's own."""
        timeout_ms = self.function.timeout_ms
        if current.tail is not None:
            current.tail.restart()
        self._chronicle.started(current)
        current.deadline_ms = int(self._clock.time_ms() + timeout_ms)
        current.timer = self._clock.call_later(timeout_ms, self._timed_out)

    def _progress(self) -> None:
        # The invocation is over once the runtime and all extensions are done with it.
        current = self._in_hand
        if current is None or not current.runtime_done:
            return
        with_extensions = bool(self._extensions)
        if with_extensions and not self._extensions.all_done:
            return
        assert current.outcome is not None
        for name in self._extensions.invoked_external if with_extensions else ():
            self._programs.external[name].drain()
        peak_mb = self.place.peak_memory_mb()
        self._chronicle.reported(current, current.outcome, peak_mb, with_extensions=with_extensions)
        self._release(current, current.outcome)
        self._rest()

    def _rest(self) -> None:
        self.state = SandboxState.IDLE
        if self.function.freeze:
            self.place.freeze()
        self._on_idle(self)

    def _release(self, current: InHand, outcome: Outcome) -> None:
        if current.timer is not None:
            current.timer.cancel()
        self._in_hand = None
        current.resolve(outcome)
        if current.tail is not None:
            self._stream.unsubscribe(current.tail)

    # the ends

    def _restore_timed_out(self) -> None:
        self._end(lambda request_id: timed_out(request_id, RESTORE_LIMIT_MS), ShutdownReason.TIMEOUT)

    def _timed_out(self) -> None:
        self._end(lambda request_id: timed_out(request_id, self.function.timeout_ms), ShutdownReason.TIMEOUT)

    def _answer_everybody(self, ended_in: SandboxState) -> None:
        assert self._ending is not None
        if ended_in is SandboxState.RESTORE and self._restore is not None:
            self._restore.fail(self._ending(""))
        if self._in_hand is not None:
            self._report_end(self._in_hand)

    def _report_end(self, current: InHand) -> None:
        assert self._ending is not None
        outcome = self._ending(current.invocation.request_id)
        if self.failed_init:
            self._in_hand = None
            current.give_back()
            return
        if self._restore is not None and self._restore.refusal is not None:
            current.refuse(self._restore.refusal)
            if current.started_ms is None:
                self._release(current, outcome)
                return
        if current.started_ms is None:
            self._begin(current)
        if not self.failed:
            # Stopped before the runtime could ask for more: what was answered is no failure for that.
            outcome = current.verdict(outcome)
        if not current.runtime_done:
            self._chronicle.runtime_done(current, outcome)
        self._chronicle.reported(current, outcome, self.place.peak_memory_mb())
        self._release(current, current.verdict(outcome))

"""A sandbox that takes several invocations at once, as on Lambda Managed Instances.

    INIT ──first poll──▶ IDLE: serving ──── exit, stop ──▶ ENDED

Strategy: an invocation waits for a poll, all through init, and after it for a moment: a worker may be about to ask. Then it is somebody
else's (`NobodyPolls`), and nothing is queued here. A timeout answers the caller, and that is all: the worker goes on, and its late
answer is refused. Errors of the function end nothing either. The end of the runtime's main process or of an extension ends the sandbox,
and every invocation in it. Such a sandbox is never frozen, and its log is JSON: lines of several invocations cannot be told apart.
Source: the Developer Guide's lambda-managed-instances pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime_api.http_connection import Connection
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome, timed_out
from runtime_api.sandbox.endpoint.managed_endpoint import ManagedEndpoint
from runtime_api.sandbox.endpoint.response_stream import LiveStream
from runtime_api.sandbox.in_hand import InHand
from runtime_api.sandbox.life import Apis, Life, SandboxState
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.telling.outlets import Outlets
from runtime_api.sandbox.telling.tracing import traced

# How long an invocation waits for a poll once init is over.
POLL_GRACE_MS = 500


class NobodyPolls(Exception):
    """Every worker is at work, and none asked for more in time."""


class ManagedSandbox(Life):
    """One life of an execution environment that serves many at a time; `on_ended` is called once, when it takes no more."""

    def __init__(
        self,
        function: Function,
        account: Account,
        clock: Clock,
        place: Place,
        on_ended: Callable[[ManagedSandbox], None],
        outlets: Outlets,
    ) -> None:
        self._waiting: list[InHand] = []
        self._at_work: dict[str, InHand] = {}
        super().__init__(function, account, clock, place, lambda: on_ended(self), outlets)
        self._max_concurrency = function.max_concurrency or 1

    @property
    def load(self) -> int:
        """How many invocations it has, those that wait included."""
        return len(self._waiting) + len(self._at_work)

    def can_invoke(self) -> bool:
        """Whether it may take one more."""
        self._end_if_gone()
        return self.state is not SandboxState.ENDED and self.load < self._max_concurrency

    def take(self, invocation: Invocation) -> asyncio.Future[Outcome]:
        """Have it run; legal when `can_invoke`, and after the end, which is then the outcome. The outcome may be NobodyPolls.

        Cancelling the outcome leaves the runtime at work: it only goes nowhere.
        """
        invocation, tracing = traced(invocation, self._outlets.new_segment_id())
        current = InHand(invocation, self._render, tracing)
        if self.state is SandboxState.ENDED:
            self._report_end(current)
        else:
            self._waiting.append(current)
            self._hand_over_waiting()
            self._wait_a_moment(current)
        return current.answered

    def runtime_ready(self) -> None:
        """One of the runtime's workers called next: the first is the end of the runtime's init."""
        assert self._programs.runtime is not None
        self._programs.runtime.drain()
        if self.state is not SandboxState.INIT:
            self._hand_over_waiting()
        elif not self._runtime_init_done:
            self._runtime_initialised()

    def runtime_answered(self, request_id: str, outcome: Outcome, began_ms: float | None) -> None:
        """A worker posted a response or an error."""
        assert self._programs.runtime is not None
        self._programs.runtime.drain()
        current = self._at_work.pop(request_id)
        self._chronicle.answered(current, outcome, began_ms)
        self._release(current, outcome)

    def runtime_streams(self, request_id: str, stream: LiveStream) -> None:
        """A worker began an answer that goes on."""
        self._at_work[request_id].begin_stream(stream)

    def _make_endpoint(self, others: Apis, lost: Callable[[Connection], None]) -> ManagedEndpoint:
        self._managed_endpoint = ManagedEndpoint(self, others, lost, self._clock.monotonic_ms)
        return self._managed_endpoint

    def _begin_service(self) -> None:
        self.state = SandboxState.IDLE
        self._hand_over_waiting()
        for current in self._waiting:
            self._wait_a_moment(current)

    def _progress(self) -> None:
        """Extensions have no part in invocations here."""

    @property
    def _is_awaited(self) -> bool:
        return self.load > 0

    def _hand_over_waiting(self) -> None:
        while self._waiting and self._has_free_worker:
            current = self._waiting.pop(0)
            # Who left while waiting has nothing run for it.
            if not current.answered.done():
                self._hand_over(current)

    @property
    def _has_free_worker(self) -> bool:
        # A runtime may poll more often than it was told to.
        below_limit = len(self._at_work) < self._max_concurrency
        return self.state is SandboxState.IDLE and below_limit and self._managed_endpoint.free > 0

    def _hand_over(self, current: InHand) -> None:
        if current.timer is not None:
            current.timer.cancel()
        request_id, timeout_ms = current.invocation.request_id, self.function.timeout_ms
        self._at_work[request_id] = current
        self._begin(current)
        current.deadline_ms = int(self._clock.time_ms() + timeout_ms)
        current.timer = self._clock.call_later(timeout_ms, lambda: self._timed_out(current))
        self._endpoint.hand_over(current.invocation, current.deadline_ms)

    def _begin(self, current: InHand) -> None:
        if current.tail is not None:
            self._stream.subscribe(current.tail)
        self._chronicle.started(current)

    def _wait_a_moment(self, current: InHand) -> None:
        if self.state is SandboxState.IDLE and current in self._waiting:
            current.timer = self._clock.call_later(POLL_GRACE_MS, lambda: self._give_back(current))

    def _give_back(self, current: InHand) -> None:
        if current in self._waiting:
            self._waiting.remove(current)
            current.refuse(NobodyPolls())

    def _timed_out(self, current: InHand) -> None:
        request_id = current.invocation.request_id
        del self._at_work[request_id]
        self._managed_endpoint.give_up(request_id)
        self._release(current, timed_out(request_id, self.function.timeout_ms))

    def _answer_everybody(self, ended_in: SandboxState) -> None:
        everybody = [*self._at_work.values(), *self._waiting]
        self._at_work.clear()
        self._waiting.clear()
        for current in everybody:
            self._report_end(current)

    def _report_end(self, current: InHand) -> None:
        assert self._ending is not None
        if current.started_ms is None:
            self._begin(current)
        self._release(current, self._ending(current.invocation.request_id))

    def _release(self, current: InHand, outcome: Outcome) -> None:
        if current.timer is not None:
            current.timer.cancel()
        self._chronicle.reported_among_others(current, outcome)
        current.resolve(outcome)
        if current.tail is not None:
            self._stream.unsubscribe(current.tail)

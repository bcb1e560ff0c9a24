"""The invocation a sandbox has in hand, and what is known of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from runtime_api.protocol.clock import Timer
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.telemetry.events import Event, Tracing
from runtime_api.telemetry.log_tail import LogTail
from runtime_api.telemetry.text_log import text_lines


class InitFailed(Exception):
    """Init failed while an invocation waited for it: it is run again within that invocation, in the same place."""


class InHand:
    """One invocation. `answered` is the caller's outcome, `outcome` what the runtime answered, `render` writes its log tail.

    `tracing` is there when it is sampled. Moments are the clock's, but `started_at_ms`, which counts from the epoch.
    """

    def __init__(
        self, invocation: Invocation, render: Callable[[Event], bytes] = text_lines, tracing: Tracing | None = None
    ) -> None:
        self.invocation = invocation
        self.tracing = tracing
        self.answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.outcome: Outcome | None = None
        self.tail = LogTail(render) if invocation.wants_log_tail else None
        self.started_ms: float | None = None
        self.started_at_ms = 0.0
        self.began_ms: float | None = None
        self.answered_ms: float | None = None
        self.runtime_done_ms: float | None = None
        self.deadline_ms = 0
        self.timer: Timer | None = None
        self.runtime_done = False

    def resolve(self, outcome: Outcome) -> None:
        """Let the caller have it; a caller that went away has cancelled its wait."""
        if self.answered.done():
            return
        if self.tail is not None:
            outcome = msgspec.structs.replace(outcome, log_tail=self.tail.text())
        self.answered.set_result(outcome)

    def give_back(self) -> None:
        """Have it run again, by a sandbox whose init is a part of it."""
        if not self.answered.done():
            self.answered.set_exception(InitFailed())

    def refuse(self, error: Exception) -> None:
        """Let the caller know that it was never handed over."""
        if not self.answered.done():
            self.answered.set_exception(error)

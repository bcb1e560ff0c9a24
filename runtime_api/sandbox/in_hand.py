"""The invocation a sandbox has in hand, and what is known of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from runtime_api.protocol.clock import Timer
from runtime_api.protocol.invocation import Invocation, Outcome, OutcomeKind
from runtime_api.sandbox.endpoint.response_stream import LiveStream
from runtime_api.telemetry.events import Event, Tracing
from runtime_api.telemetry.log.tail import LogTail
from runtime_api.telemetry.log.text import text_lines


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
        self.stream: LiveStream | None = None
        self.tail = LogTail(render) if invocation.wants_log_tail else None
        self.started_ms: float | None = None
        self.started_at_ms = 0.0
        self.began_ms: float | None = None
        self.answered_ms: float | None = None
        self.runtime_done_ms: float | None = None
        self.deadline_ms = 0
        self.timer: Timer | None = None

    @property
    def runtime_done(self) -> bool:
        """Whether the runtime is finished with it, one way or another."""
        return self.runtime_done_ms is not None

    def begin_stream(self, stream: LiveStream) -> None:
        """Let the caller have the answer as it comes; of a caller that went away nobody reads it."""
        self.stream = stream
        if self.answered.done():
            stream.abandon()
        else:
            self.answered.set_result(Outcome(OutcomeKind.SUCCESS, b"", stream.content_type, stream=stream))

    def produced_bytes(self) -> int:
        """How large the answer is that the runtime gave."""
        if self.stream is not None:
            return self.stream.size_bytes
        return 0 if self.outcome is None else len(self.outcome.body)

    def resolve(self, outcome: Outcome) -> None:
        """Let the caller have it, or the end of the stream it has; a caller that went away has cancelled its wait."""
        if self.stream is None and self.answered.done():
            return
        if self.tail is not None:
            outcome = msgspec.structs.replace(outcome, log_tail=self.tail.text())
        if self.stream is not None:
            self.stream.finish(outcome)
        else:
            self.answered.set_result(outcome)

    def verdict(self, ending: Outcome) -> Outcome:
        """What the caller gets where the sandbox ends: what the runtime answered, unless the end is why that was cut off."""
        return ending if self.outcome is None or self.outcome.is_truncated else self.outcome

    def give_back(self) -> None:
        """Have it run again, by a sandbox whose init is a part of it."""
        if not self.answered.done():
            self.answered.set_exception(InitFailed())

    def refuse(self, error: Exception) -> None:
        """Let the caller know that it was never handed over."""
        if not self.answered.done():
            self.answered.set_exception(error)

"""What the sandboxes under one quota share: the count of what is in flight, and how long each idle one has been idle.

Strategy: a sandbox that works holds a place in the quota, one that is idle does not. There are never more of both together than the
quota allows: where one more is to start, the one that has been idle longest ends, whichever function it belongs to. One that is idle
for longer than the idle timeout ends as well. Provisioned sandboxes are not seen here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from runtime_api.protocol.clock import Clock, Timer
from runtime_api.protocol.concurrency import SCALING_BURST, SCALING_PER_S, Quota, TokenBucket


class Resting(Protocol):
    """An idle sandbox."""

    def dismiss(self) -> None:
        """End it."""


class Capacity:
    """That of one quota; without `idle_timeout_ms`, idle sandboxes stay until there is need for their place."""

    def __init__(self, quota: Quota, clock: Clock, idle_timeout_ms: float | None = None) -> None:
        self.quota = quota
        self._clock = clock
        self._idle_timeout_ms = idle_timeout_ms
        # Since when each has been idle; the longest idle is first.
        self._idle: dict[Resting, float] = {}
        self._timer: Timer | None = None
        self._scaling: defaultdict[str, TokenBucket] = defaultdict(lambda: TokenBucket(SCALING_BURST, SCALING_PER_S))

    def check_rate(self) -> None:
        """A call came; raises TooManyRequests where calls a second are limited, and these are too many."""
        if self.quota.rate is not None:
            self.quota.check_rate(self._clock.monotonic_ms())

    def begin_start(self, function_name: str) -> None:
        """Take a place for a sandbox that is about to start, and have idle ones make room; raises TooManyRequests."""
        self.quota.take()
        if not self._scaling[function_name].take(self._clock.monotonic_ms()):
            self.quota.give_back()
            raise self.quota.refusal()
        while self._idle and self.quota.in_flight + len(self._idle) > self.quota.limit:
            self._end_longest_idle()

    def rest(self, sandbox: Resting) -> None:
        """One is idle from now on."""
        self._idle[sandbox] = self._clock.monotonic_ms()
        if self._timer is None:
            self._watch()

    def wake(self, sandbox: Resting) -> None:
        """One is idle no more; harmless when it was not."""
        self._idle.pop(sandbox, None)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._idle_timeout_ms = None

    def _end_longest_idle(self) -> None:
        sandbox = next(iter(self._idle))
        del self._idle[sandbox]
        sandbox.dismiss()

    def _watch(self) -> None:
        """Look again when the one that is idle longest may have been so for too long."""
        self._timer = None
        if self._idle_timeout_ms is not None and self._idle:
            due_ms = next(iter(self._idle.values())) + self._idle_timeout_ms
            self._timer = self._clock.call_later(max(0, due_ms - self._clock.monotonic_ms()), self._reap)

    def _reap(self) -> None:
        assert self._idle_timeout_ms is not None
        before_ms = self._clock.monotonic_ms() - self._idle_timeout_ms
        while self._idle and next(iter(self._idle.values())) <= before_ms:
            self._end_longest_idle()
        self._watch()

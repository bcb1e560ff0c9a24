"""One function's share of the work: how many of its events run, and how many may.

Strategy: a function that is refused is given less to do, as little as still shows when there is room again, and nothing for a moment;
each event that runs lets one more run at once. So events that are throttled never spin, and sandboxes in use by others are not fought
for.
"""

from __future__ import annotations


class Lane:
    """The events of one function. `limit` is how many may run at once, `rest_ms` the pause after a refusal."""

    def __init__(self, function: str, limit: int, rest_ms: float) -> None:
        self.function = function
        self.running = 0
        self.served = 0
        self._limit = max(limit, 1)
        self._allowed = self._limit
        self._rest_ms = rest_ms
        self._resting_until_ms = 0.0

    def room(self, now_ms: float) -> int:
        """How many more may start."""
        return 0 if now_ms < self._resting_until_ms else max(self._allowed - self.running, 0)

    @property
    def resting_until_ms(self) -> float:
        """When it may be given something again, by the clock `room` is asked with."""
        return self._resting_until_ms

    def start(self) -> None:
        """One more runs."""
        self.running += 1

    def end(self, *, was_refused: bool, now_ms: float) -> None:
        """One that ran is over, or nobody would run it."""
        self.running -= 1
        if was_refused:
            self._allowed = max(self.running, 1)
            self._resting_until_ms = now_ms + self._rest_ms
        else:
            self._allowed = min(self._allowed + 1, self._limit)
            self._resting_until_ms = 0.0

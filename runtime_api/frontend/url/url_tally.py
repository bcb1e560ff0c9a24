"""What is counted of the requests to one URL, by the service's names for its metrics.

Source: the Developer Guide's page urls-monitoring.
"""

from __future__ import annotations

from runtime_api.protocol.metrics import Histogram


class UrlTally:
    """Numbers that only grow; `latency` is in seconds."""

    def __init__(self) -> None:
        self.requests = 0
        self.answers_4xx = 0
        self.answers_5xx = 0
        self.latency = Histogram()

    def answered(self, status: int, latency_s: float) -> None:
        """A request got its answer; `status` is 0 where the caller left before it did."""
        self.latency.observe(latency_s)
        if 400 <= status < 500:
            self.answers_4xx += 1
        elif status >= 500:
            self.answers_5xx += 1

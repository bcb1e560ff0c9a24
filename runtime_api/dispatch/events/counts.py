"""What happened to the events of one function, by the service's names for its metrics.

Source: the Developer Guide's page monitoring-metrics-types.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime_api.protocol.asynchronous.event import Delivery, FinishedEvent
from runtime_api.protocol.metrics import Histogram

# Events live for six hours at most.
AGE_BOUNDS_S = (0.01, 0.1, 1, 10, 60, 120, 300, 600, 1800, 3600, 7200, 21600)


@dataclass
class EventCounts:
    """Numbers that only grow, since the server started; ages are those of events when an attempt begins, in seconds."""

    async_events_received: int = 0
    async_events_dropped: int = 0
    destination_delivery_failures: int = 0
    dead_letter_errors: int = 0
    async_event_age: Histogram = field(default_factory=lambda: Histogram(AGE_BOUNDS_S))

    def finished(self, finished: FinishedEvent) -> None:
        """An event is over; dropped is one the function never got right, wherever it went then."""
        if not finished.succeeded:
            self.async_events_dropped += 1

    def undeliverable(self, delivery: Delivery) -> None:
        """Somebody could not be told."""
        if delivery.kind == "destination":
            self.destination_delivery_failures += 1
        else:
            self.dead_letter_errors += 1

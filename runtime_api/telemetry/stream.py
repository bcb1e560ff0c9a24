"""The stream: who wants to see a sandbox's events is called with each, in order, at once."""

from __future__ import annotations

from collections.abc import Callable

from runtime_api.protocol.clock import Clock
from runtime_api.telemetry.events import Event, Record

Subscriber = Callable[[Event], None]


class Stream:
    """Events of one sandbox. Subscribers must not raise and must not block: they are called between two steps of a protocol."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every event from now on."""
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop calling it."""
        self._subscribers.remove(subscriber)

    def publish(self, record: Record) -> None:
        """Tell everybody."""
        event = Event(self._clock.time_ms(), record)
        for subscriber in self._subscribers:
            subscriber(event)

"""Who tells others how an event ended, as the queue sees it.

The queue calls `deliver` once for each delivery of a finished event, again after a back-off for as long as it raises
DeliveryFailed (`rules.after_failed_delivery`), and keeps the event as dead when that was once too often. After a crash it may
be called for what was delivered already.
"""

from __future__ import annotations

from typing import Protocol

from runtime_api.protocol.asynchronous.event import Delivery, FinishedEvent


class DeliveryFailed(Exception):
    """Somebody could not be told; the message says who and why."""


class Deliverer(Protocol):
    """Sends destination records and dead-letter messages."""

    async def deliver(self, finished: FinishedEvent, delivery: Delivery) -> None:
        """Return once the receiver has it for certain; raises DeliveryFailed."""

    async def close(self) -> None:
        """Close what is open; no delivery is under way."""

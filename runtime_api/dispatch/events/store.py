"""Where events are kept, as the queue sees it.

Whatever a method has returned from is durable: it survives the end of this process at any instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent


class StoreFailed(Exception):
    """What was to be written or read was not; nothing was half done. The message says where and why."""


class StoreUnusable(StoreFailed):
    """The store cannot be opened; the message says what to do."""


class EventStore(Protocol):
    """Every method raises StoreFailed."""

    async def open(self) -> None:
        """Make it ready; what was running or being delivered when it was last used waits again. Raises StoreUnusable."""

    def on_arrival(self, look: Callable[[], None]) -> None:
        """Have `look` called when something came that was not put here, if it can be known; workers look every second anyway."""

    async def put(self, event: QueuedEvent) -> None:
        """Accept an event."""

    async def due_times(self, functions: Mapping[str, int]) -> dict[str, float]:
        """When the next queued event of each of these functions is due, by name; functions without one are left out.

        With each function goes how many of its events there is room for.
        """

    async def take(self, function: str, now_ms: float, limit: int) -> Sequence[QueuedEvent]:
        """Events that are due, those due first come first; they are running from now on."""

    async def retry(self, event: QueuedEvent) -> None:
        """A running event goes back to the queue, with its counts and its reason, due when it says."""

    async def finish(self, finished: FinishedEvent) -> None:
        """A running event is over: kept for its deliveries, as failed when nobody is to be told of a failure, else forgotten."""

    async def delivery_times(self, functions: Mapping[str, int]) -> dict[str, float]:
        """When the next undelivered event of each of these functions is due, as `due_times` has it."""

    async def take_undelivered(self, function: str, now_ms: float, limit: int) -> Sequence[FinishedEvent]:
        """Finished events somebody is to be told of now; they are being delivered from now on."""

    async def put_off(self, finished: FinishedEvent) -> None:
        """An event that was being delivered waits for the deliveries it has left; without any it is forgotten."""

    async def bury(self, finished: FinishedEvent) -> None:
        """An event that was being delivered cannot be: it is kept as dead, with its `failure`."""

    async def depths(self) -> dict[tuple[str, EventState], int]:
        """How many events of each function are in each state; where there is none, nothing stands for it."""

    async def close(self) -> None:
        """Let go of it; what is running or being delivered waits again when it is opened next."""

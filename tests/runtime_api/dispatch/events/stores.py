"""Both stores as tests of what they have in common use them: by the real clock, and waiting for what has to arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from runtime_api.dispatch.events.jetstream.ledger import JetStreamLedger
from runtime_api.dispatch.events.ledger import Ledger
from runtime_api.dispatch.events.store import EventStore
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent
from tests.runtime_api.dispatch.events.queued import queued
from tests.runtime_api.waiting import PATIENCE_S


class Stores(NamedTuple):
    """Where events are: a way to a store of them, and a way to look into them."""

    store: Callable[[], EventStore]
    ledger: Callable[[], AbstractContextManager[Ledger | JetStreamLedger]]


def now_ms() -> float:
    """The time of the wall clock."""
    return time.time() * 1000


def fresh(number: int = 1, function: str = "orders", **members: object) -> QueuedEvent:
    """An event that comes now."""
    return queued(number, function, **{"accepted_ms": 1_000.5, "due_ms": now_ms(), **members})


async def taken(store: EventStore, count: int = 1, function: str = "orders") -> list[QueuedEvent]:
    """So many events, once they are due and there."""
    events: list[QueuedEvent] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(events) < count:
        assert time.monotonic() < deadline, f"only {events} came"
        await store.due_times({function: count - len(events)})
        events += await store.take(function, now_ms(), count - len(events))
        await asyncio.sleep(0.002)
    return events


async def undelivered(store: EventStore, function: str = "orders") -> FinishedEvent:
    """A finished event that is to be delivered, once it is due and there."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < deadline, "none came"
        await store.delivery_times({function: 1})
        for finished in await store.take_undelivered(function, now_ms(), 1):
            return finished
        await asyncio.sleep(0.002)


async def states(store: EventStore) -> dict[EventState, int]:
    """How many events of `orders` are in which state."""
    return {state: count for (function, state), count in (await store.depths()).items() if function == "orders"}

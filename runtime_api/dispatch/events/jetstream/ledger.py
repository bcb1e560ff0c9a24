"""Looks into the events of a stream from outside, as `ledger` does into those of a folder.

What is worked on at this moment lies in the stream like what waits, and is listed so. Not for event loops: it waits for NATS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from runtime_api.dispatch.events.jetstream.connection import Connection, Stored, connect
from runtime_api.dispatch.events.jetstream.messages import (
    STATES,
    Item,
    body_of,
    event_of,
    id_of_step_after,
    item_of,
    place_of,
    subject,
)
from runtime_api.dispatch.events.ledger import EventDetails, EventHead
from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent
from runtime_api.protocol.asynchronous.queue_address import QueueAddress
from runtime_api.protocol.asynchronous.rules import delivered_anew

_AGAIN = (EventState.FAILED, EventState.DEAD)
_Result = TypeVar("_Result")


class JetStreamLedger:
    """The events of a stream, as a context manager. Raises StoreUnusable when there is none, its methods StoreFailed."""

    def __init__(self, address: QueueAddress) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        try:
            self._connection: Connection = self._loop.run_until_complete(connect(address))
        except BaseException:
            self._end_loop()
            raise

    def __enter__(self) -> JetStreamLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self._connection.close())
        self._end_loop()

    def heads(
        self, states: Iterable[EventState] = tuple(EventState), function: str | None = None, limit: int = 1000
    ) -> list[EventHead]:
        """The oldest events in one of these states, of this function or of all; -1 for no limit."""
        wanted = [state for state in STATES if state in set(states)]
        found = [head for state in wanted for head in self._wait(self._heads(state, function, limit))]
        found.sort(key=lambda head: head.sequence)
        return found if limit < 0 else found[:limit]

    def find(self, prefix: str) -> Sequence[EventDetails]:
        """The events whose request id begins so; no more than two, since a second one says that the prefix is too short."""
        return self._wait(self._find(prefix))

    def redrive(self, sequences: Iterable[int], now_ms: float) -> int:
        """Have failed events run again, as if they came now, and dead ones delivered again, under their request ids; gives how many."""
        return sum(self._wait(self._redrive(sequence, now_ms)) for sequence in sequences)

    def purge(self, sequences: Iterable[int]) -> int:
        """Forget events, in whatever state they are; gives how many. One that runs at this moment runs to its end."""
        return sum(self._wait(self._purge(sequence)) for sequence in sequences)

    def _end_loop(self) -> None:
        # A transport is closed a turn of the loop after it was told to.
        self._wait(asyncio.sleep(0))
        self._wait(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self._loop.run_until_complete(work)

    async def _heads(self, state: EventState, function: str | None, limit: int) -> list[EventHead]:
        heads: list[EventHead] = []
        if limit == 0:
            return heads
        async for stored in self._connection.stored(subject(self._address.stream, state, function or "*")):
            heads.append(_head_of(state, self._item(stored)))
            if len(heads) == limit:
                break
        return heads

    async def _find(self, prefix: str) -> list[EventDetails]:
        found: list[EventDetails] = []
        async for stored in self._connection.stored(f"{self._address.stream}.>"):
            item = self._item(stored)
            if event_of(item).request_id.startswith(prefix):
                finished = item if isinstance(item, FinishedEvent) else None
                found.append(EventDetails(place_of(stored.subject)[0], event_of(item), finished))
            if len(found) == 2:
                break
        return found

    async def _redrive(self, sequence: int, now_ms: float) -> bool:
        stored = await self._connection.get(sequence)
        if stored is None or place_of(stored.subject)[0] not in _AGAIN:
            return False
        state, item = _again(self._item(stored), now_ms)
        place = subject(self._address.stream, state, event_of(item).function_name)
        await self._connection.publish(place, body_of(item), id_of_step_after(sequence))
        await self._connection.delete(sequence)
        return True

    async def _purge(self, sequence: int) -> bool:
        if await self._connection.get(sequence) is None:
            return False
        await self._connection.delete(sequence)
        return True

    def _item(self, stored: Stored) -> Item:
        try:
            return item_of(stored.subject, stored.body, stored.sequence)
        except msgspec.MsgspecError as error:
            raise StoreFailed(f"message {stored.sequence} of {self._address} is no event of ours: {error}") from None


def _again(item: Item, now_ms: float) -> tuple[EventState, Item]:
    if isinstance(item, FinishedEvent) and item.deliveries:
        return EventState.UNDELIVERED, delivered_anew(item, now_ms)
    anew = {"accepted_ms": now_ms, "due_ms": now_ms, "attempts": 0, "throttles": 0, "reason": None}
    return EventState.QUEUED, msgspec.structs.replace(event_of(item), **anew)


def _head_of(state: EventState, item: Item) -> EventHead:
    event = event_of(item)
    return EventHead(
        sequence=event.sequence,
        state=state,
        function_name=event.function_name,
        qualifier=event.qualifier,
        request_id=event.request_id,
        accepted_ms=event.accepted_ms,
        due_ms=item.due_ms,
        attempts=event.attempts,
        throttles=event.throttles,
        reason=item.reason,
        payload_bytes=len(event.payload),
    )

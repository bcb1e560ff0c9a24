"""Events on NATS JetStream, which several servers take from.

Strategy: each state of each function is a durable consumer that all servers share, so a busy function never stands before another one,
and each event goes to one of them. For as long as an event is worked on, NATS is told so; a server that is gone says nothing, and its
events go to others. An event that comes before it is due is given back until then. What `messages` says keeps steps whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count

import msgspec

from runtime_api.dispatch.events.jetstream.connection import Connection, Message, connect
from runtime_api.dispatch.events.jetstream.messages import (
    Item,
    body_of,
    event_of,
    id_of_step_after,
    item_of,
    place_of,
    subject,
)
from runtime_api.dispatch.events.jetstream.tap import EXPIRES_MS, Delivered, Tap
from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent
from runtime_api.protocol.asynchronous.queue_address import QueueAddress
from runtime_api.protocol.clock import Clock

# How often a server says something of what it works on, before it counts as gone.
_WORDS_PER_WAIT = 3
# Failed events nobody was told of are kept for people to look at, the latest of each function; counted once in so many.
FAILED_KEPT, _PRUNE_EACH = 10_000, 100
_UNREADABLE_MS = 300_000
_BUSY = {EventState.QUEUED: EventState.RUNNING, EventState.UNDELIVERED: EventState.DELIVERING}
_logger = logging.getLogger("pilotlight")
Place = tuple[EventState, str]


class JetStreamStore:
    """Implements `EventStore`."""

    def __init__(self, address: QueueAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._ack_wait_ms = address.ack_wait_s * 1000
        self._connection: Connection | None = None
        self._inbox = ""
        self._look: Callable[[], None] = lambda: None
        self._taps: dict[Place, Tap] = {}
        self._held: dict[int, Delivered] = {}
        self._numbers = count()
        self._failures: Counter[str] = Counter()
        self._speaking: asyncio.Task[None] | None = None

    def on_arrival(self, look: Callable[[], None]) -> None:
        self._look = look

    async def open(self) -> None:
        self._connection = await connect(self._address, self._on_reconnected)
        self._inbox = await self._connection.listen(self._on_message)
        self._speaking = asyncio.ensure_future(self._speak())

    async def put(self, event: QueuedEvent) -> None:
        place = subject(self._address.stream, EventState.QUEUED, event.function_name)
        await self._stream.publish(place, body_of(event), event.request_id)

    async def due_times(self, functions: Mapping[str, int]) -> dict[str, float]:
        return await self._due_times(EventState.QUEUED, functions)

    async def take(self, function: str, now_ms: float, limit: int) -> Sequence[QueuedEvent]:
        return [event_of(item) for item in self._take((EventState.QUEUED, function), now_ms, limit)]

    async def retry(self, event: QueuedEvent) -> None:
        await self._step(EventState.QUEUED, event)

    async def finish(self, finished: FinishedEvent) -> None:
        if finished.deliveries:
            await self._step(EventState.UNDELIVERED, finished)
        elif finished.succeeded:
            await self._forget(finished.event.sequence)
        else:
            await self._step(EventState.FAILED, finished)
            await self._prune(finished.event.function_name)

    async def delivery_times(self, functions: Mapping[str, int]) -> dict[str, float]:
        return await self._due_times(EventState.UNDELIVERED, functions)

    async def take_undelivered(self, function: str, now_ms: float, limit: int) -> Sequence[FinishedEvent]:
        items = self._take((EventState.UNDELIVERED, function), now_ms, limit)
        return [item for item in items if isinstance(item, FinishedEvent)]

    async def put_off(self, finished: FinishedEvent) -> None:
        if finished.deliveries:
            await self._step(EventState.UNDELIVERED, finished)
        else:
            await self._forget(finished.event.sequence)

    async def bury(self, finished: FinishedEvent) -> None:
        await self._step(EventState.DEAD, finished)

    async def depths(self) -> dict[tuple[str, EventState], int]:
        """What other servers work on at this moment counts as waiting here."""
        depths: Counter[tuple[str, EventState]] = Counter()
        for name, number in (await self._stream.counts()).items():
            state, function = place_of(name)
            depths[function, state] = number
        for held in self._held.values():
            state = EventState.UNDELIVERED if isinstance(held.item, FinishedEvent) else EventState.QUEUED
            function = event_of(held.item).function_name
            depths[function, state] -= 1
            depths[function, _BUSY[state]] += 1
        return {place: number for place, number in depths.items() if number > 0}

    async def close(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait([self._speaking])
            self._speaking = None
        connection, self._connection = self._connection, None
        if connection is not None:
            waiting = [each for tap in self._taps.values() for each in tap.waiting.values()]
            with contextlib.suppress(StoreFailed):
                await _give_back(connection, [*self._held.values(), *waiting])
            await connection.close()
        self._held.clear()
        self._taps.clear()

    @property
    def _stream(self) -> Connection:
        if self._connection is None:
            raise StoreFailed(f"{self._address} is not open")
        return self._connection

    # What comes

    async def _due_times(self, state: EventState, room: Mapping[str, int]) -> dict[str, float]:
        surplus = [
            each for (of, name), tap in self._taps.items() if of is state for each in tap.surplus(room.get(name, 0))
        ]
        await _give_back(self._stream, surplus)
        due = await asyncio.gather(*[self._ask((state, function), slots) for function, slots in room.items()])
        return {function: due_ms for function, due_ms in zip(room, due, strict=True) if due_ms is not None}

    async def _ask(self, place: Place, room: int) -> float | None:
        """Ask for what there is room for; gives when the first of what is here is due."""
        tap, name = await self._tap(place)
        now_ms = self._clock.monotonic_ms()
        missing = tap.missing(room, now_ms)
        if missing:
            inbox = f"{self._inbox}.{next(self._numbers)}"
            tap.asked(inbox, missing, now_ms)
            await self._stream.ask(name, inbox, missing, EXPIRES_MS)
        return tap.next_due_ms()

    async def _tap(self, place: Place) -> tuple[Tap, str]:
        state, function = place
        name = f"{state.value}-{function}"
        if place not in self._taps:
            await self._stream.make_consumer(name, subject(self._address.stream, state, function), self._ack_wait_ms)
            self._taps[place] = Tap()
        return self._taps[place], name

    async def _on_message(self, message: Message) -> None:
        try:
            if message.status:
                self._on_status(message)
            else:
                await self._on_event(message)
        except StoreFailed as error:
            # Whatever it was, NATS delivers it again.
            _logger.debug("%s", error)

    def _on_status(self, message: Message) -> None:
        for place, tap in list(self._taps.items()):
            if tap.over(message.subject) and message.status != "408" and not tap.waiting:
                # The consumer may be gone: it is made again before it is asked again.
                del self._taps[place]

    async def _on_event(self, message: Message) -> None:
        tap = self._taps.get(place_of(message.subject))
        known = self._held.get(message.sequence) or (tap and tap.waiting.get(message.sequence))
        if tap is not None:
            tap.came()
        if known:
            # It came again because our word about it was late.
            known.reply = message.reply
            return
        await self._keep(message, tap)
        self._look()

    async def _keep(self, message: Message, tap: Tap | None) -> None:
        try:
            item = item_of(message.subject, message.body, message.sequence)
        except msgspec.MsgspecError as error:
            _logger.error("message %d of %s is no event of ours: %s", message.sequence, self._address, error)
            await self._stream.give_back(message.reply, _UNREADABLE_MS)
            return
        wait_ms = item.due_ms - self._clock.time_ms()
        if tap is None or wait_ms > 0:
            await self._stream.give_back(message.reply, wait_ms)
            return
        tap.waiting[message.sequence] = Delivered(item, message.sequence, message.reply, self._clock.monotonic_ms())

    def _take(self, place: Place, now_ms: float, limit: int) -> list[Item]:
        taken = self._taps[place].take(now_ms, limit) if place in self._taps else []
        self._held.update({each.sequence: each for each in taken})
        return [each.item for each in taken]

    def _on_reconnected(self) -> None:
        for tap in self._taps.values():
            tap.forget_requests()
        self._look()

    # What becomes of it

    async def _step(self, state: EventState, item: Item) -> None:
        event = event_of(item)
        place = subject(self._address.stream, state, event.function_name)
        await self._stream.publish(place, body_of(item), id_of_step_after(event.sequence))
        await self._forget(event.sequence)

    async def _forget(self, sequence: int) -> None:
        await self._stream.acknowledge(self._held[sequence].reply)
        del self._held[sequence]

    async def _prune(self, function: str) -> None:
        self._failures[function] += 1
        if self._failures[function] % _PRUNE_EACH == 0:
            # It is tidiness: the event itself is where it belongs.
            with contextlib.suppress(StoreFailed):
                await self._stream.keep_latest(subject(self._address.stream, EventState.FAILED, function), FAILED_KEPT)

    async def _speak(self) -> None:
        """Say of what is worked on that it is, and leave what waits for room here to others."""
        interval_ms = self._ack_wait_ms / _WORDS_PER_WAIT
        while True:
            await asyncio.sleep(interval_ms / 1000)
            began_ms = self._clock.monotonic_ms() - interval_ms
            with contextlib.suppress(StoreFailed):
                for held in list(self._held.values()):
                    await self._stream.still_at_work(held.reply)
                old = [each for tap in self._taps.values() for each in tap.older_than(began_ms)]
                await _give_back(self._stream, old)


async def _give_back(connection: Connection, delivered: Iterable[Delivered]) -> None:
    for each in delivered:
        await connection.give_back(each.reply)

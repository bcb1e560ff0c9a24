from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from runtime_api.telemetry.api.delivery import TRIES, Delivery
from runtime_api.telemetry.api.listeners import ListenerGone, NotDelivered
from runtime_api.telemetry.api.schema import Schema
from runtime_api.telemetry.api.subscription_request import SubscriptionRequest, TcpTarget
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine, Start
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until

REQUEST = SubscriptionRequest(
    Schema.TELEMETRY_2022_12_13, ("platform", "function", "extension"), TcpTarget(1), 1000, 262_144, 500
)
BATCH_BYTES = 262_144
ENVELOPE = '{"time":"1970-01-01T00:00:00.000Z","type":"function","record":""}'


class FakeListener:
    """Takes batches, refuses the first so many of them, or holds on to them."""

    def __init__(self) -> None:
        self.tries = 0
        self.batches: list[list[dict[str, Any]]] = []
        self.refusals: list[NotDelivered] = []
        self.held: asyncio.Event | None = None
        self.closed = False

    async def send(self, items: list[bytes]) -> None:
        """Take a batch."""
        self.tries += 1
        if self.held is not None:
            await self.held.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.batches.append([json.loads(item) for item in items])

    async def close(self) -> None:
        """Note the end."""
        self.closed = True


class Subscriber:
    """A delivery on a clock that stands still."""

    def __init__(self, clock: VirtualClock, request: SubscriptionRequest = REQUEST) -> None:
        self.clock = clock
        self.listener = FakeListener()
        self.delivery = Delivery(request, self.listener, clock)
        self.offered = 0

    def offer(self, count: int = 1, size: int = 1) -> None:
        """Lines the function printed, numbered."""
        for _ in range(count):
            self.delivery.offer(Event(0.0, FunctionLine(b"%d".ljust(size) % self.offered)))
            self.offered += 1

    @property
    def taken(self) -> list[list[int]]:
        """The numbers of the lines, batch by batch; what is no line is -1."""
        return [
            [int(event["record"]) if event["type"] == "function" else -1 for event in batch]
            for batch in self.listener.batches
        ]

    async def tried(self, count: int) -> None:
        """Wait for so many tries."""
        await until(lambda: self.listener.tries == count)
        await asyncio.sleep(0)

    async def sent(self, *batches: list[int]) -> None:
        """Wait for batches."""
        await until(lambda: len(self.taken) >= len(batches))
        assert self.taken == list(batches)


@pytest.fixture
async def subscriber(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Subscriber]:
    """One that wants everything."""
    subscriber = Subscriber(clock)
    yield subscriber
    await subscriber.delivery.close()
    assert subscriber.listener.closed
    assert clock.pending == []


async def test_a_batch_leaves_after_its_timeout(subscriber: Subscriber) -> None:
    """Counted from its first event."""
    subscriber.offer()
    subscriber.clock.advance(499)
    subscriber.offer()
    assert subscriber.clock.pending == [1]
    subscriber.clock.advance(1)
    await subscriber.sent([0, 1])
    assert subscriber.clock.pending == []


async def test_a_full_batch_leaves_at_once(subscriber: Subscriber) -> None:
    """By number; what is beyond waits for its own timeout."""
    subscriber.offer(1000)
    subscriber.offer(3)
    await subscriber.sent(list(range(1000)))
    await until(lambda: subscriber.clock.pending)
    subscriber.clock.advance(500)
    await subscriber.sent(list(range(1000)), [1000, 1001, 1002])


async def test_a_heavy_batch_leaves_at_once(subscriber: Subscriber) -> None:
    """By bytes."""
    subscriber.offer(3, BATCH_BYTES // 3)
    await subscriber.sent([0, 1, 2])


async def test_one_batch_at_a_time(subscriber: Subscriber) -> None:
    """What comes while one is under way waits for the next."""
    subscriber.listener.held = asyncio.Event()
    subscriber.offer(1000)
    await subscriber.tried(1)
    subscriber.offer(2500)
    await asyncio.sleep(0)
    assert subscriber.listener.tries == 1
    subscriber.listener.held.set()
    await until(lambda: len(subscriber.taken) == 3)
    assert [len(batch) for batch in subscriber.taken] == [1000, 1000, 1000]


async def test_it_is_tried_again_with_growing_pauses(subscriber: Subscriber) -> None:
    """Until the listener takes it, once."""
    subscriber.listener.refusals = [NotDelivered(), ListenerGone(), NotDelivered()]
    subscriber.offer(1000)
    for tries, pause_ms in enumerate((100, 200, 400), start=1):
        await until(lambda: subscriber.clock.pending)
        assert (subscriber.listener.tries, subscriber.clock.pending) == (tries, [pause_ms])
        subscriber.clock.advance(pause_ms)
        await subscriber.tried(tries + 1)
    await subscriber.sent(list(range(1000)))


async def test_what_nobody_takes_is_dropped_and_told(subscriber: Subscriber) -> None:
    """In front of the batch that arrives next, with how much it was."""
    subscriber.listener.refusals = [NotDelivered()] * TRIES
    subscriber.offer(1000)
    for tries in range(1, TRIES):
        await subscriber.tried(tries)
        await until(lambda: subscriber.clock.pending)
        subscriber.clock.advance(10_000)
    await until(lambda: subscriber.delivery._sending is None)
    assert (subscriber.listener.tries, subscriber.clock.pending) == (TRIES, [])
    subscriber.offer()
    subscriber.clock.advance(500)
    await subscriber.sent([-1, 1000])
    notice = subscriber.listener.batches[0][0]
    assert notice["type"] == "platform.logsDropped"
    assert notice["record"] == {
        "droppedBytes": sum(len(ENVELOPE) + len(str(number)) for number in range(1000)),
        "droppedRecords": 1000,
        "reason": "Some logs were dropped because the downstream consumer is slower than the logs production rate",
    }


async def test_a_listener_that_hangs_costs_bounded_memory(subscriber: Subscriber) -> None:
    """The oldest are dropped; when it is back, it learns of it and gets the latest."""
    subscriber.listener.held = asyncio.Event()
    subscriber.offer(1000)
    await subscriber.tried(1)
    subscriber.offer(20_000)
    assert len(subscriber.delivery._batches) == 4000
    subscriber.listener.held.set()
    await until(lambda: len(subscriber.taken) == 5)
    assert subscriber.taken[1][:2] == [-1, 17_000]
    assert subscriber.listener.batches[1][0]["record"]["droppedRecords"] == 16_000
    assert subscriber.taken[4][-1] == 20_999


async def test_a_flush_sends_all_at_once(subscriber: Subscriber) -> None:
    """Without waiting for any timeout, whole batches and the rest."""
    subscriber.offer(2100)
    await subscriber.delivery.flush(1000)
    assert [len(batch) for batch in subscriber.taken] == [1000, 1000, 100]


async def test_a_flush_right_behind_a_batch(subscriber: Subscriber) -> None:
    """What came while that one was under way is sent too, and what comes the moment it is over."""
    subscriber.listener.held = asyncio.Event()
    subscriber.offer(1000)
    await subscriber.tried(1)
    subscriber.offer()
    subscriber.listener.held.set()
    sending = subscriber.delivery._sending
    assert sending is not None
    sending.add_done_callback(lambda _sending: subscriber.offer())
    await subscriber.delivery.flush(1000)
    assert [len(batch) for batch in subscriber.taken] == [1000, 1, 1]


async def test_a_flush_of_nothing_is_over_at_once(subscriber: Subscriber) -> None:
    """Nothing is sent."""
    await subscriber.delivery.flush(1000)
    assert subscriber.listener.tries == 0


async def test_a_flush_ends_with_its_budget(subscriber: Subscriber) -> None:
    """Whatever the listener does."""
    subscriber.listener.held = asyncio.Event()
    subscriber.offer()
    flushing = asyncio.ensure_future(subscriber.delivery.flush(300))
    await subscriber.tried(1)
    subscriber.clock.advance(299)
    await asyncio.sleep(0)
    assert not flushing.done()
    subscriber.clock.advance(1)
    await flushing
    assert subscriber.taken == []


async def test_a_flush_does_not_wait_for_who_is_gone(subscriber: Subscriber) -> None:
    """A process that has ended takes nothing any more."""
    subscriber.listener.refusals = [ListenerGone()]
    subscriber.offer()
    await subscriber.delivery.flush(1000)
    assert (subscriber.listener.tries, subscriber.taken) == (1, [])


async def test_a_flush_cuts_a_pause_short(subscriber: Subscriber) -> None:
    """What waits to be tried again is tried now."""
    subscriber.listener.refusals = [NotDelivered()]
    subscriber.offer(1000)
    await until(lambda: subscriber.clock.pending)
    await subscriber.delivery.flush(1000)
    await subscriber.sent(list(range(1000)))


async def test_the_end_waits_for_nobody(clock: VirtualClock) -> None:
    """A batch under way is broken off, and later events are nobody's."""
    subscriber = Subscriber(clock)
    subscriber.listener.held = asyncio.Event()
    subscriber.offer(1000)
    await subscriber.tried(1)
    await subscriber.delivery.close()
    subscriber.offer(1000)
    assert (subscriber.listener.tries, subscriber.taken, clock.pending) == (1, [], [])


@pytest.mark.parametrize("streams", [("platform",), ("function",), ("extension",), ("extension", "function")])
async def test_only_what_was_asked_for(clock: VirtualClock, streams: tuple[str, ...]) -> None:
    """By the stream an event belongs to."""
    subscriber = Subscriber(clock, msgspec.structs.replace(REQUEST, streams=streams))
    for record in (Start("id-1", "1"), FunctionLine(b"x"), ExtensionLine("agent", b"x")):
        subscriber.delivery.offer(Event(0.0, record))
    await subscriber.delivery.flush(1000)
    types = {event["type"].partition(".")[0] for event in subscriber.listener.batches[0]}
    assert types == set(streams)
    await subscriber.delivery.close()


async def test_the_logs_api_words_it_differently(clock: VirtualClock) -> None:
    """Its reason for what was dropped is another."""
    subscriber = Subscriber(clock, msgspec.structs.replace(REQUEST, schema=Schema.LOGS_2020_08_15))
    subscriber.delivery.miss(10, 1)
    subscriber.offer()
    await subscriber.delivery.flush(1000)
    assert subscriber.listener.batches[0][0]["record"] == {
        "droppedBytes": 10,
        "droppedRecords": 1,
        "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
    }
    await subscriber.delivery.close()

"""What every store of events does, wherever it keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from runtime_api.dispatch.events.jetstream.ledger import JetStreamLedger
from runtime_api.dispatch.events.jetstream.store import JetStreamStore
from runtime_api.dispatch.events.ledger import EventDetails, Ledger
from runtime_api.dispatch.events.sqlite_store import SqliteStore
from runtime_api.dispatch.events.store import EventStore, StoreFailed
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent
from runtime_api.protocol.asynchronous.queue_address import parse_queue_address
from runtime_api.sandbox.clock import SystemClock
from tests.runtime_api.dispatch.events.queued import TOLD, failed, succeeded
from tests.runtime_api.dispatch.events.stores import Stores, fresh, now_ms, states, taken, undelivered

LATER_MS = 150


@pytest.fixture(params=["sqlite", "jetstream"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """A folder, or a queue on a NATS server."""
    if request.param == "sqlite":
        return Stores(lambda: SqliteStore(str(tmp_path)), lambda: Ledger(str(tmp_path)))
    address = parse_queue_address(request.getfixturevalue("queue_url"))
    return Stores(lambda: JetStreamStore(address, SystemClock()), lambda: JetStreamLedger(address))


@pytest.fixture
async def store(stores: Stores, no_loop_errors: None) -> AsyncIterator[EventStore]:
    """One that is open."""
    store = stores.store()
    await store.open()
    yield store
    await store.close()


async def ended(store: EventStore, finished: FinishedEvent) -> FinishedEvent:
    """Put its event in, take it, and finish it so."""
    await store.put(finished.event)
    [event] = await taken(store)
    finished = msgspec.structs.replace(finished, event=msgspec.structs.replace(event, attempts=1))
    await store.finish(finished)
    return finished


async def test_an_event_comes_out_as_it_went_in(store: EventStore) -> None:
    """But for the place it has in the store; and comes once."""
    event = fresh(payload=b'"\xf0\x9f\x90\x8d"', tenant_id=None, qualifier=None)
    await store.put(event)
    [came] = await taken(store)
    assert msgspec.structs.replace(came, sequence=0) == event
    assert await states(store) == {EventState.RUNNING: 1}


async def test_so_many_as_are_asked_for(store: EventStore) -> None:
    """And none of another function."""
    await store.put(fresh(9, "other"))
    for number in range(4):
        await store.put(fresh(number))
    assert {event.request_id for event in await taken(store, 3)} <= {f"id-{number}" for number in range(4)}
    assert await states(store) == {EventState.RUNNING: 3, EventState.QUEUED: 1}
    assert (await store.depths())["other", EventState.QUEUED] == 1


async def test_the_largest_event(store: EventStore) -> None:
    """With the largest answer a function can give."""
    payload, answer = b'"%b"' % (b"x" * (1024 * 1024 - 2)), b'"%b"' % (b"y" * (6 * 1024 * 1024 - 2))
    finished = failed(fresh(payload=payload))
    assert finished.last is not None
    await ended(store, msgspec.structs.replace(finished, last=msgspec.structs.replace(finished.last, response=answer)))
    came = await undelivered(store)
    assert came.last is not None
    assert (came.event.payload, came.last.response) == (payload, answer)


async def test_nothing_comes_before_it_is_due(store: EventStore) -> None:
    """And does not stand before what is."""
    later = fresh(1, due_ms=now_ms() + LATER_MS)
    await store.put(later)
    await store.put(fresh(2))
    assert [event.request_id for event in await taken(store)] == ["id-2"]
    [event] = await taken(store)
    assert now_ms() >= event.due_ms == later.due_ms


async def test_a_retry_waits_with_its_counts(store: EventStore) -> None:
    """And says why, however often it was taken."""
    await store.put(fresh())
    [event] = await taken(store)
    for attempt in (1, 2):
        again = msgspec.structs.replace(
            event, attempts=attempt, throttles=3, reason="no room", due_ms=now_ms() + LATER_MS
        )
        await store.retry(again)
        [event] = await taken(store)
        assert now_ms() >= again.due_ms
        assert msgspec.structs.replace(event, sequence=again.sequence) == again
    assert await states(store) == {EventState.RUNNING: 1}


async def test_a_success_nobody_wants_to_hear_of_is_forgotten(store: EventStore) -> None:
    """All of it."""
    await ended(store, succeeded(fresh()))
    assert await store.depths() == {}


async def test_a_failure_nobody_is_told_of_is_kept(store: EventStore) -> None:
    """To be looked at."""
    await ended(store, failed(fresh(), ()))
    assert await states(store) == {EventState.FAILED: 1}


async def test_an_end_waits_for_its_deliveries(store: EventStore) -> None:
    """As it was told, until it has none left."""
    finished = await ended(store, failed(fresh()))
    assert await states(store) == {EventState.UNDELIVERED: 1}
    first = await undelivered(store)
    assert msgspec.structs.replace(first, event=finished.event) == finished
    assert await states(store) == {EventState.DELIVERING: 1}
    due_ms = now_ms() + LATER_MS
    await store.put_off(msgspec.structs.replace(first, deliveries=TOLD[1:], tries=1, failure="away", due_ms=due_ms))
    again = await undelivered(store)
    assert now_ms() >= due_ms
    assert (again.deliveries, again.tries, again.failure) == (TOLD[1:], 1, "away")
    await store.put_off(msgspec.structs.replace(again, deliveries=()))
    assert await store.depths() == {}


async def test_what_cannot_be_delivered_is_kept(stores: Stores, store: EventStore) -> None:
    """As dead, with the reason."""
    await ended(store, failed(fresh()))
    await store.bury(msgspec.structs.replace(await undelivered(store), failure="away"))
    assert await states(store) == {EventState.DEAD: 1}
    [found] = await asyncio.to_thread(_find, stores, "id-1")
    assert found.finished is not None
    assert (found.state, found.finished.failure) == (EventState.DEAD, "away")


async def test_what_was_under_way_begins_again(stores: Stores) -> None:
    """At its last step, as soon as a store is open again."""
    first = stores.store()
    await first.open()
    await ended(first, failed(fresh(1)))
    await undelivered(first)
    await first.put(fresh(2))
    await taken(first)
    await first.close()
    second = stores.store()
    await second.open()
    assert [event.request_id for event in await taken(second)] == ["id-2"]
    assert (await undelivered(second)).event.request_id == "id-1"
    await second.close()


async def test_a_closed_store_accepts_nothing(stores: Stores) -> None:
    """And can be closed twice."""
    store = stores.store()
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreFailed):
        await store.put(fresh())


async def test_looking_into_it(stores: Stores, store: EventStore) -> None:
    """What is there, by state and function, the oldest first, and one by the beginning of its id."""
    await ended(store, failed(fresh(0), ()))
    await store.put(fresh(1, payload=b"12345"))
    await store.put(fresh(2, "other"))

    def look() -> None:
        with stores.ledger() as ledger:
            assert [head.request_id for head in ledger.heads()] == ["id-0", "id-1", "id-2"]
            assert [head.request_id for head in ledger.heads(function="other")] == ["id-2"]
            assert [head.request_id for head in ledger.heads(limit=2)] == ["id-0", "id-1"]
            [head] = ledger.heads([EventState.QUEUED], "orders", -1)
            assert (head.state, head.attempts, head.payload_bytes) == (EventState.QUEUED, 0, 5)
            [found] = ledger.find("id-1")
            assert (found.state, found.event.payload, found.finished) == (EventState.QUEUED, b"12345", None)
            assert len(ledger.find("id-")) == 2
            assert ledger.find("nothing") == []

    await asyncio.to_thread(look)


async def test_redrive_begins_anew_what_is_over(stores: Stores, store: EventStore) -> None:
    """Under the same request id; what waits is left alone."""
    await ended(store, failed(fresh(0), ()))
    await store.put(fresh(1, "other"))
    again_ms = now_ms()

    def redrive() -> int:
        with stores.ledger() as ledger:
            sequences = [head.sequence for head in ledger.heads()]
            return ledger.redrive([*sequences, 1_000_000], again_ms) + ledger.redrive(sequences, again_ms)

    assert await asyncio.to_thread(redrive) == 1
    [event] = await taken(store)
    assert (event.request_id, event.attempts, event.accepted_ms) == ("id-0", 0, again_ms)


async def test_redrive_delivers_again_what_is_dead(stores: Stores, store: EventStore) -> None:
    """The function does not run again, and there are as many tries as the first time."""
    await ended(store, failed(fresh(0)))
    await store.bury(msgspec.structs.replace(await undelivered(store), tries=12, failure="gone"))

    def redrive() -> int:
        with stores.ledger() as ledger:
            return ledger.redrive([head.sequence for head in ledger.heads()], now_ms())

    assert await asyncio.to_thread(redrive) == 1
    again = await undelivered(store)
    assert (again.event.request_id, again.count, again.deliveries) == ("id-0", 1, TOLD)
    assert (again.tries, again.failure) == (0, None)


async def test_purge_forgets(stores: Stores, store: EventStore) -> None:
    """What is there, and counts it."""
    await ended(store, failed(fresh(0), ()))
    await store.put(fresh(1))

    def purge() -> int:
        with stores.ledger() as ledger:
            return ledger.purge([*(head.sequence for head in ledger.heads()), 1_000_000])

    assert await asyncio.to_thread(purge) == 2
    assert await store.depths() == {}


def _find(stores: Stores, prefix: str) -> list[EventDetails]:
    with stores.ledger() as ledger:
        return list(ledger.find(prefix))

"""What only a queue that is shared has to do; the rest is in test_stores."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import nats as nats_py
import pytest

from benchmarks.servers import NATS_CONFIGURATION, nats
from runtime_api.dispatch.events.jetstream import connection
from runtime_api.dispatch.events.jetstream import store as jetstream_store
from runtime_api.dispatch.events.jetstream.connection import Connection
from runtime_api.dispatch.events.jetstream.store import JetStreamStore
from runtime_api.dispatch.events.store import StoreFailed, StoreUnusable
from runtime_api.protocol.asynchronous.event import EventState
from runtime_api.protocol.asynchronous.queue_address import QueueAddress, parse_queue_address
from runtime_api.sandbox.clock import SystemClock
from tests.conftest import needs_nats_server
from tests.runtime_api.dispatch.events.queued import failed, succeeded
from tests.runtime_api.dispatch.events.stores import fresh, now_ms, states, taken
from tests.runtime_api.waiting import until

ACK_WAIT_S = 0.3
Open = Callable[[], Awaitable[JetStreamStore]]


@pytest.fixture
def address(queue_url: str) -> QueueAddress:
    """A queue of this test."""
    return msgspec.structs.replace(parse_queue_address(queue_url), ack_wait_s=ACK_WAIT_S)


@pytest.fixture
async def opened(address: QueueAddress, no_loop_errors: None) -> AsyncIterator[Open]:
    """Opens stores of it, as many servers would."""
    stores: list[JetStreamStore] = []

    async def make() -> JetStreamStore:
        store = JetStreamStore(address, SystemClock())
        await store.open()
        stores.append(store)
        return store

    yield make
    for store in stores:
        await store.close()


async def look(store: JetStreamStore, room: int = 1, function: str = "orders") -> dict[str, float]:
    """Ask for events, as the workers do."""
    return await store.due_times({function: room})


def vanish(store: JetStreamStore) -> None:
    """End it as the end of its process does: nobody is told."""
    assert store._speaking is not None
    store._speaking.cancel()
    assert store._connection is not None
    store._connection, store._held = None, {}


async def test_each_event_goes_to_one_of_two(opened: Open) -> None:
    """And each of the two gets what it asks for."""
    first, second = await opened(), await opened()
    for number in range(6):
        await first.put(fresh(number))
    both = [*await taken(first, 3), *await taken(second, 3)]
    assert {event.request_id for event in both} == {f"id-{number}" for number in range(6)}
    for each, event in zip([first] * 3 + [second] * 3, both, strict=True):
        await each.finish(succeeded(event))
    assert await first.depths() == {}


async def test_an_event_that_comes_is_made_known(opened: Open) -> None:
    """From whatever server it came."""
    first, second = await opened(), await opened()
    looks = 0

    def note() -> None:
        nonlocal looks
        looks += 1

    second.on_arrival(note)
    await look(second)
    await first.put(fresh())
    await until(lambda: looks)
    assert len(await second.take("orders", now_ms(), 1)) == 1


async def test_the_work_of_a_server_that_is_gone_is_done_by_others(opened: Open) -> None:
    """Soon after it fell silent."""
    first, second = await opened(), await opened()
    await first.put(fresh())
    await taken(first)
    gone = first._connection
    assert gone is not None
    vanish(first)
    [event] = await taken(second)
    assert event.request_id == "id-1"
    await gone.close()


async def test_work_that_takes_long_is_left_to_who_does_it(opened: Open) -> None:
    """For as long as it says so."""
    first, second = await opened(), await opened()
    await first.put(fresh())
    [event] = await taken(first)
    await look(second)
    await asyncio.sleep(4 * ACK_WAIT_S)
    assert await look(second) == {}
    await first.finish(succeeded(event))
    assert await second.depths() == {}


async def test_what_came_again_to_the_same_server_is_done_once(opened: Open) -> None:
    """Its word that it is at work was late."""
    store = await opened()
    store._speaking.cancel()  # type: ignore[union-attr]
    await store.put(fresh())
    [event] = await taken(store)
    replies = store._held[event.sequence].reply
    while store._held[event.sequence].reply == replies:
        assert await look(store) == {}
        await asyncio.sleep(0.01)
    await store.finish(succeeded(event))
    assert await store.depths() == {}


async def test_what_there_is_no_room_for_goes_to_others(opened: Open) -> None:
    """A server that has become busy keeps nothing back."""
    first, second = await opened(), await opened()
    await look(first)
    await first.put(fresh())
    await until(lambda: first._taps[EventState.QUEUED, "orders"].waiting)
    await first.due_times({})
    [event] = await taken(second)
    assert event.request_id == "id-1"


async def test_nor_what_it_does_not_look_at(opened: Open) -> None:
    """All its slots are taken."""
    first, second = await opened(), await opened()
    await look(first)
    await first.put(fresh())
    await until(lambda: first._taps[EventState.QUEUED, "orders"].waiting)
    [event] = await taken(second)
    assert event.request_id == "id-1"


async def test_an_event_put_twice_is_one(opened: Open) -> None:
    """By its request id: who got no answer may try again."""
    store, event = await opened(), fresh()
    await store.put(event)
    await store.put(event)
    assert await states(store) == {EventState.QUEUED: 1}


async def test_a_step_is_whole(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short between its two halves, it is done again and leaves one event."""
    store = await opened()
    await store.put(fresh())
    [event] = await taken(store)
    acknowledge = Connection.acknowledge

    async def fail(*_arguments: object) -> None:
        raise StoreFailed("cut short")

    monkeypatch.setattr(Connection, "acknowledge", fail)
    with pytest.raises(StoreFailed):
        await store.finish(failed(event))
    monkeypatch.setattr(Connection, "acknowledge", acknowledge)
    await store.finish(failed(event))
    assert await states(store) == {EventState.UNDELIVERED: 1}


async def test_the_latest_failures_are_kept(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else would ever forget them."""
    monkeypatch.setattr(jetstream_store, "FAILED_KEPT", 2)
    monkeypatch.setattr(jetstream_store, "_PRUNE_EACH", 4)
    store = await opened()
    for number in range(4):
        await store.put(fresh(number))
        [event] = await taken(store)
        await store.finish(failed(event, ()))
    assert await states(store) == {EventState.FAILED: 2}


async def test_a_message_of_somebody_else(
    opened: Open, address: QueueAddress, caplog: pytest.LogCaptureFixture
) -> None:
    """Is left where it is, and said; events behind it come."""
    store = await opened()
    client = await nats_py.connect(address.servers[0])
    await client.jetstream().publish(f"{address.stream}.queued.orders", b"hello")
    await client.close()
    await store.put(fresh())
    [event] = await taken(store)
    assert event.request_id == "id-1"
    await until(lambda: "is no event of ours" in caplog.text)
    assert await states(store) == {EventState.QUEUED: 1, EventState.RUNNING: 1}


async def test_a_consumer_that_is_gone_is_made_again(opened: Open, address: QueueAddress) -> None:
    """Somebody tidied up."""
    store = await opened()
    await look(store)
    client = await nats_py.connect(address.servers[0])
    await client.jetstream().delete_consumer(address.stream, "queued-orders")
    await client.close()
    await store.put(fresh())
    [event] = await taken(store)
    assert event.request_id == "id-1"


@needs_nats_server
async def test_a_queue_that_is_away_for_a_while(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is accepted meanwhile, and at once; afterwards all goes on."""
    caplog.set_level(logging.WARNING, "pilotlight")
    with nats(tmp_path) as url:
        store = JetStreamStore(parse_queue_address(url), SystemClock())
        await store.open()
        await store.put(fresh(1))
        [event] = await taken(store)
    client = store._stream._client
    await until(lambda: not client.is_connected)
    for refused in (store.put(fresh(2)), store.finish(succeeded(event)), store.depths()):
        with pytest.raises(StoreFailed, match=r"nats://127\.0\.0\.1:\d+/pilotlight cannot be reached"):
            await refused
    with nats(tmp_path, int(url.rpartition(":")[2])):
        await until(lambda: client.is_connected)
        await store.finish(succeeded(event))
        await store.put(fresh(3))
        [event] = await taken(store)
        assert event.request_id == "id-3"
        assert await states(store) == {EventState.RUNNING: 1}
        assert "is back" in caplog.text
        await store.close()


async def test_a_queue_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said when the server starts."""
    monkeypatch.setattr(connection, "CONNECT_S", 0.2)
    store = JetStreamStore(parse_queue_address("nats://me:secret@127.0.0.1:1"), SystemClock())
    with pytest.raises(
        StoreUnusable, match=r"nats://127\.0\.0\.1:1/pilotlight cannot be used: .*nats-server -js"
    ) as caught:
        await store.open()
    assert "secret" not in str(caught.value)
    await store.close()


@needs_nats_server
@pytest.mark.parametrize(
    ("of", "by", "message"),
    [
        ("max_payload: 8MB", "", "put max_payload: 8MB into the configuration"),
        ("jetstream { store_dir: nats-data }", "", r"ServiceUnavailableError\. Is there a nats-server with JetStream"),
        (
            "max_payload",
            "authorization { user: a, password: b }\nmax_payload",
            # A reset may overtake what the server says before it hangs up.
            r"(Authorization Violation|Connection reset by peer).*does it take these credentials",
        ),
    ],
)
async def test_a_server_that_is_set_up_otherwise(
    tmp_path: Path, of: str, by: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is said."""
    monkeypatch.setattr(connection, "CONNECT_S", 1)
    with (
        nats(tmp_path, configuration=NATS_CONFIGURATION.replace(of, by)) as url,
        pytest.raises(StoreUnusable, match=message),
    ):
        await JetStreamStore(parse_queue_address(url), SystemClock()).open()


async def test_a_stream_of_something_else(address: QueueAddress) -> None:
    """Is not touched."""
    client = await nats_py.connect(address.servers[0])
    await client.jetstream().add_stream(name=address.stream, subjects=[f"{address.stream}.*"])
    await client.close()
    with pytest.raises(StoreUnusable, match="is a stream of something else: name another one"):
        await JetStreamStore(address, SystemClock()).open()


async def test_more_replicas_than_servers(address: QueueAddress) -> None:
    """NATS says why it will not."""
    store = JetStreamStore(msgspec.structs.replace(address, replicas=3), SystemClock())
    with pytest.raises(StoreUnusable, match="replicas > 1 not supported"):
        await store.open()


async def test_without_nats_py(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install."""
    monkeypatch.setitem(sys.modules, "nats.aio.client", None)
    with pytest.raises(StoreUnusable, match=r"pip install 'pilotlight\[nats\]'"):
        await JetStreamStore(QueueAddress(("nats://127.0.0.1:1",)), SystemClock()).open()

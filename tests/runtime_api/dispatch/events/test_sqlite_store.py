from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from runtime_api.dispatch.events import sqlite_store
from runtime_api.dispatch.events.data_folder import DATABASE
from runtime_api.dispatch.events.ledger import Ledger
from runtime_api.dispatch.events.sqlite_store import SqliteStore
from runtime_api.dispatch.events.store import StoreFailed, StoreUnusable
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent
from tests.runtime_api.dispatch.events.queued import TOLD, failed, queued, succeeded


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqliteStore]:
    """The store of a folder, closed in the end."""
    store = SqliteStore(str(folder))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store of a folder that is not there yet."""
    async with opened(tmp_path / "data") as store:
        yield store


def states(folder: Path) -> dict[str, EventState]:
    """The state of each event, by its request id."""
    with Ledger(str(folder)) as ledger:
        return {head.request_id: head.state for head in ledger.heads()}


async def ended(store: SqliteStore, finished: FinishedEvent) -> FinishedEvent:
    """Put its event in, take it, and finish it so."""
    await store.put(finished.event)
    [event] = await store.take("orders", 5_000, 1)
    finished = msgspec.structs.replace(finished, event=msgspec.structs.replace(event, attempts=1))
    await store.finish(finished)
    return finished


async def test_an_event_comes_out_as_it_went_in(store: SqliteStore) -> None:
    """But for the place it has in the store."""
    event = queued(payload=b'"\xf0\x9f\x90\x8d"', reason="because", attempts=1, throttles=2)
    await store.put(event)
    [taken] = await store.take("orders", 2_000, 10)
    assert taken == msgspec.structs.replace(event, sequence=1, reason=None)


async def test_the_oldest_that_are_due_are_taken_once(store: SqliteStore) -> None:
    """So many as are asked for, and none of another function."""
    for number, due_ms in enumerate((30.0, 10.0, 20.0, 90.0)):
        await store.put(queued(number, due_ms=due_ms))
    await store.put(queued(5, "other", due_ms=0.0))
    assert [event.request_id for event in await store.take("orders", 50, 2)] == ["id-1", "id-2"]
    assert [event.request_id for event in await store.take("orders", 50, 2)] == ["id-0"]
    assert await store.take("orders", 50, 2) == []


async def test_when_the_next_is_due(store: SqliteStore) -> None:
    """By function, and only of those asked for that have one."""
    assert await store.due_times(["orders"]) == {}
    for number, (function, due_ms) in enumerate([("orders", 30.0), ("orders", 10.0), ("other", 5.0)]):
        await store.put(queued(number, function, due_ms=due_ms))
    assert await store.due_times(["orders", "none"]) == {"orders": 10.0}
    await store.take("orders", 20, 1)
    assert await store.due_times(["orders", "other"]) == {"orders": 30.0, "other": 5.0}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names for what is not there yet")
async def test_two_servers_of_one_folder_are_told_before_the_first_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The second one, and one that comes after both is not."""
    async with opened(tmp_path / "data"):
        assert caplog.text == ""
        async with opened(tmp_path / "data"):
            assert f"another server is running that keeps its events in {tmp_path / 'data'}" in caplog.text
    caplog.clear()
    async with opened(tmp_path / "data"):
        assert (caplog.text, (tmp_path / "data").exists()) == ("", False)


async def test_nothing_runs_in_a_store_that_is_closed(tmp_path: Path) -> None:
    """What was running waits, and so does what was being delivered."""
    async with opened(tmp_path) as store:
        await ended(store, failed(queued(1), TOLD))
        await store.take_undelivered("orders", 5_000, 1)
        await store.put(queued(2))
        await store.take("orders", 5_000, 1)
    assert states(tmp_path) == {"id-1": EventState.UNDELIVERED, "id-2": EventState.QUEUED}


async def test_how_many_there_are(store: SqliteStore) -> None:
    """Of each function in each state; of what there is none nothing is said."""
    assert await store.depths() == {}
    for number in range(3):
        await store.put(queued(number))
    await store.put(queued(3, "other"))
    await store.take("orders", 5_000, 1)
    assert await store.depths() == {
        ("orders", EventState.QUEUED): 2,
        ("orders", EventState.RUNNING): 1,
        ("other", EventState.QUEUED): 1,
    }


async def test_a_retry_waits_with_its_counts(store: SqliteStore) -> None:
    """And says why."""
    await store.put(queued())
    [event] = await store.take("orders", 2_000, 1)
    again = msgspec.structs.replace(event, attempts=1, throttles=2, due_ms=9_000.0, reason="no room")
    await store.retry(again)
    assert await store.take("orders", 8_999, 1) == []
    assert await store.take("orders", 9_000, 1) == [again]


async def test_a_success_nobody_wants_to_hear_of_is_forgotten(store: SqliteStore, tmp_path: Path) -> None:
    """Its row is gone."""
    await ended(store, succeeded(queued()))
    assert states(tmp_path / "data") == {}


async def test_a_failure_nobody_is_told_of_is_kept(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest of them, to be looked at."""
    monkeypatch.setattr(sqlite_store, "FAILED_KEPT", 2)
    monkeypatch.setattr(sqlite_store, "CLEARANCE", 4)
    for number in range(4):
        await ended(store, failed(queued(number), ()))
    assert states(tmp_path / "data") == {"id-2": EventState.FAILED, "id-3": EventState.FAILED}


async def test_an_end_waits_for_its_deliveries(store: SqliteStore, tmp_path: Path) -> None:
    """As it was told, until it has none left."""
    finished = await ended(store, failed(queued()))
    assert await store.delivery_times(["orders"]) == {"orders": 2_000}
    assert await store.take_undelivered("orders", 1_999, 5) == []
    [first] = await store.take_undelivered("orders", 2_000, 5)
    assert msgspec.structs.replace(first, event=finished.event) == finished
    left = msgspec.structs.replace(finished, deliveries=TOLD[1:], tries=1, failure="away", due_ms=9_000)
    await store.put_off(left)
    [again] = await store.take_undelivered("orders", 9_000, 5)
    assert (again.deliveries, again.tries, again.failure) == (TOLD[1:], 1, "away")
    await store.put_off(msgspec.structs.replace(again, deliveries=()))
    assert states(tmp_path / "data") == {}


async def test_what_cannot_be_delivered_is_kept(store: SqliteStore, tmp_path: Path) -> None:
    """As dead, with the reason."""
    finished = await ended(store, failed(queued()))
    await store.bury(msgspec.structs.replace(finished, failure="away"))
    assert await store.delivery_times(["orders"]) == {}
    with Ledger(str(tmp_path / "data")) as ledger:
        [found] = ledger.find("id-1")
    assert found.finished is not None
    assert (found.state, found.finished.failure) == (EventState.DEAD, "away")


async def test_what_was_under_way_begins_again(tmp_path: Path) -> None:
    """Each step that was not finished when the store was used last."""
    async with opened(tmp_path) as store:
        await ended(store, failed(queued(1)))
        await store.take_undelivered("orders", 2_000, 5)
        await store.put(queued(2))
        await store.take("orders", 2_000, 5)
    async with opened(tmp_path) as store:
        assert [event.request_id for event in await store.take("orders", 2_000, 5)] == ["id-2"]
        assert [finished.event.request_id for finished in await store.take_undelivered("orders", 2_000, 5)] == ["id-1"]


async def test_many_at_once_share_few_commits(store: SqliteStore) -> None:
    """Each is on disk when its own `put` is over, in the order they came."""
    commits = 0
    await store.put(queued(0))
    writer = store._writes
    assert writer is not None
    commit = writer._connection.commit

    async def counted() -> None:
        nonlocal commits
        commits += 1
        await commit()

    writer._connection.commit = counted  # type: ignore[method-assign]
    await asyncio.gather(*[store.put(queued(number)) for number in range(1, 101)])
    assert commits == 1
    taken = await store.take("orders", 2_000, 200)
    assert [event.request_id for event in taken] == [f"id-{number}" for number in range(101)]


async def test_the_folder_is_made_with_the_first_event(tmp_path: Path) -> None:
    """For nobody else to read, and not for a repository."""
    folder = tmp_path / "a" / "b"
    async with opened(folder) as store:
        assert not folder.exists()
        await store.put(queued())
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / ".gitignore").read_text() == "*\n"


async def test_files_that_were_there_are_private_too(tmp_path: Path) -> None:
    """As those of an earlier server that was killed, or what a backup brought back."""
    with sqlite3.connect(tmp_path / "events.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA user_version")
        for file in tmp_path.iterdir():
            file.chmod(0o644)
        async with opened(tmp_path) as store:
            await store.put(queued())
            assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == dict.fromkeys(
                ("events.db", "events.db-wal", "events.db-shm", "lock"), 0o600
            )
    database.close()


async def test_a_store_without_a_folder_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lasts as long as it is open."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = SqliteStore(None)
    await store.open()
    await store.put(queued())
    assert len(os.listdir(tmp_path)) == 1
    await store.close()
    assert os.listdir(tmp_path) == []


async def test_a_second_server_is_refused(tmp_path: Path) -> None:
    """For as long as the first one has the folder."""
    async with opened(tmp_path) as first:
        await first.put(queued())
        second = SqliteStore(str(tmp_path))
        with pytest.raises(StoreUnusable, match=r"belong to another server that is running: .*--data-dir"):
            await second.open()
        await second.close()
    async with opened(tmp_path) as third:
        assert len(await third.take("orders", 2_000, 1)) == 1


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Refused when the server starts, with what to do; and left as it is."""
    (tmp_path / DATABASE).write_bytes(b"something else entirely" * 100)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match=r"file is not a database\. To begin with no events, move it"):
            await SqliteStore(str(tmp_path)).open()
    assert (tmp_path / DATABASE).read_bytes().startswith(b"something else")


async def test_a_file_of_another_version(tmp_path: Path) -> None:
    """Not touched: it may be one to come."""
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreUnusable, match="another version of pilotlight"):
        await SqliteStore(str(tmp_path)).open()
    with pytest.raises(StoreUnusable, match="another version of pilotlight"):
        Ledger(str(tmp_path))


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Said by the first event that wants it."""
    (tmp_path / "file").write_text("")
    store = SqliteStore(str(tmp_path / "file" / "data"))
    with pytest.raises(StoreUnusable, match=r"events cannot be kept in .*file/data: Not a directory"):
        await store.put(queued())
    await store.close()


async def test_the_end_comes_after_an_opening_under_way(tmp_path: Path) -> None:
    """Nothing stays open, and nothing is opened after it."""
    store = SqliteStore(str(tmp_path))
    putting = asyncio.ensure_future(store.put(queued(1)))
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(putting, return_exceptions=True)
    with pytest.raises(StoreFailed, match="closed"):
        await store.put(queued(2))
    async with opened(tmp_path):
        assert states(tmp_path) in ({}, {"id-1": EventState.QUEUED})


async def test_what_sqlite_cannot_write_harms_nobody_else(store: SqliteStore) -> None:
    """An error that is not SQLite's own is its sender's alone."""
    unspeakable = store.put(queued(1, trace_id="\ud800"))
    refused, accepted = await asyncio.gather(unspeakable, store.put(queued(2)), return_exceptions=True)
    assert isinstance(refused, UnicodeEncodeError)
    assert accepted is None


async def test_a_full_disk(store: SqliteStore) -> None:
    """What does not fit is not accepted, what fits is, and both goes on when there is room again."""
    await store.put(queued(0))
    assert store._writes is not None
    connection = store._writes._connection
    await connection.execute("PRAGMA max_page_count = 20")
    large, small = queued(1, payload=b'"%b"' % (b"x" * 200_000)), queued(2)
    refused, accepted = await asyncio.gather(store.put(large), store.put(small), return_exceptions=True)
    assert isinstance(refused, StoreFailed)
    assert "database or disk is full" in str(refused)
    assert accepted is None
    await connection.execute("PRAGMA max_page_count = 1000000")
    await store.put(large)
    assert [event.request_id for event in await store.take("orders", 2_000, 9)] == ["id-0", "id-2", "id-1"]

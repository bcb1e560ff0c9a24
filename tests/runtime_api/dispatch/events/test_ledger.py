from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from runtime_api.dispatch.events.group_commit import Row
from runtime_api.dispatch.events.ledger import Ledger
from runtime_api.dispatch.events.sqlite_store import SqliteStore
from runtime_api.dispatch.events.store import StoreUnusable
from runtime_api.protocol.asynchronous.event import EventState
from tests.runtime_api.dispatch.events.queued import failed, queued


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store that is in use: id-0 failed, id-1 runs, id-2 and another function's id-3 wait."""
    store = SqliteStore(str(tmp_path))
    await store.put(queued(0))
    [event] = await store.take("orders", 2_000, 1)
    await store.finish(failed(event, ()))
    await store.put(queued(1))
    await store.take("orders", 2_000, 1)
    await store.put(queued(2))
    await store.put(queued(3, "other"))
    yield store
    await store.close()


async def test_what_a_list_shows(store: SqliteStore, tmp_path: Path) -> None:
    """All of them, or those in a state or of a function, the oldest first, no more than asked for."""
    with Ledger(str(tmp_path)) as ledger:
        assert [head.request_id for head in ledger.heads()] == ["id-0", "id-1", "id-2", "id-3"]
        assert [head.request_id for head in ledger.heads([EventState.QUEUED], "orders")] == ["id-2"]
        [first] = ledger.heads(limit=1)
    assert (first.state, first.attempts, first.qualifier) == (EventState.FAILED, 1, "live")
    assert first.payload_bytes == len(b'{"number":0}')


async def test_one_event_by_the_beginning_of_its_id(store: SqliteStore, tmp_path: Path) -> None:
    """With how it ended, where it did; two say that the beginning is too short."""
    with Ledger(str(tmp_path)) as ledger:
        [found] = ledger.find("id-0")
        [waiting] = ledger.find("id-2")
        assert len(ledger.find("id-")) == 2
        assert ledger.find("%") == []
    assert found.finished is not None
    assert found.finished.event.payload == found.event.payload == b'{"number":0}'
    assert waiting.finished is None


async def test_redrive_begins_anew_what_is_over(store: SqliteStore, tmp_path: Path) -> None:
    """Under the same request id; what waits or runs is left alone, and the server finds it."""
    with Ledger(str(tmp_path)) as ledger:
        assert ledger.redrive([head.sequence for head in ledger.heads()], now_ms=7_000) == 1
    assert await store.due_times(["orders"]) == {"orders": 1_000.5}
    taken = await store.take("orders", 7_000, 9)
    assert [(event.request_id, event.attempts, event.accepted_ms) for event in taken] == [
        ("id-2", 0, 1_000.5),
        ("id-0", 0, 7_000),
    ]


async def test_purge_forgets_what_is_not_under_way(store: SqliteStore, tmp_path: Path) -> None:
    """Whatever runs at this moment stays."""
    with Ledger(str(tmp_path)) as ledger:
        assert ledger.purge([head.sequence for head in ledger.heads()]) == 3
        assert [head.request_id for head in ledger.heads()] == ["id-1"]


async def test_what_is_purged_while_it_is_taken_does_not_run(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever purged was told that it is forgotten."""
    assert store._writes is not None
    write_all = store._writes.write_all

    async def write_after_purge(sql: str, rows: Sequence[Row]) -> list[BaseException | None]:
        with Ledger(str(tmp_path)) as ledger:
            assert ledger.purge([head.sequence for head in ledger.heads([EventState.QUEUED])]) == 2
        return await write_all(sql, rows)

    monkeypatch.setattr(store._writes, "write_all", write_after_purge)
    assert await store.take("orders", 2_000, 9) == []


def test_where_there_are_no_events(tmp_path: Path) -> None:
    """Said plainly, and no file is made."""
    with pytest.raises(StoreUnusable, match="holds no events"):
        Ledger(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_events_yet(tmp_path: Path) -> None:
    """A server was there, and accepted none."""
    (tmp_path / "events.db").touch()
    with pytest.raises(StoreUnusable, match="holds no events yet"):
        Ledger(str(tmp_path))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Said plainly too."""
    (tmp_path / "events.db").write_bytes(b"something else" * 100)
    with pytest.raises(StoreUnusable, match=r"events\.db: file is not a database"):
        Ledger(str(tmp_path))

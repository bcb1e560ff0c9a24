"""Events in an SQLite file: accepted is on disk.

Strategy: one connection writes, in groups that are committed together, each synced to disk before anybody hears of it. Another one
reads, so that to look for what is due never waits for the disk. What an event is doing is a column, and what the rest of the platform
holds in memory is only what runs at this moment. The file is made with the first event, opened when the server starts and it is
there. Other processes may look into it and change it meanwhile (`ledger`): only to be the server of it is for one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import aiosqlite

from runtime_api.dispatch.events import schema
from runtime_api.dispatch.events.data_folder import DATABASE, Announcement, DataFolder
from runtime_api.dispatch.events.group_commit import GroupCommit
from runtime_api.dispatch.events.store import StoreFailed, StoreUnusable
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent

# Failed events nobody was told of are kept for people to look at: the latest, and up to so many more between two clearances.
FAILED_KEPT, CLEARANCE = 10_000, 100
_BUSY_S = 5.0
_logger = logging.getLogger("pilotlight")

_TAKE = "UPDATE events SET state = ? WHERE sequence = ?"
_RETRY = "UPDATE events SET state = ?, due_ms = ?, attempts = ?, throttles = ?, reason = ? WHERE sequence = ?"
_END = (
    "UPDATE events SET state = ?, due_ms = ?, attempts = ?, throttles = ?, reason = ?, finished = ? WHERE sequence = ?"
)
_FORGET = "DELETE FROM events WHERE sequence = ?"
_PRUNE = (
    "DELETE FROM events WHERE state = ?1 AND sequence <= "
    "(SELECT sequence FROM events WHERE state = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)"
)
_RECOVER = "UPDATE events SET state = ? WHERE state = ?"
_RECOVERED = (
    (EventState.QUEUED.value, EventState.RUNNING.value),
    (EventState.UNDELIVERED.value, EventState.DELIVERING.value),
)


class SqliteStore:
    """Implements `EventStore`. `folder` None is a folder of its own that goes away with the store."""

    def __init__(self, folder: str | None) -> None:
        self._path = folder
        self._folder: DataFolder | None = None
        self._announcement: Announcement | None = None
        self._connections = contextlib.AsyncExitStack()
        self._reader: aiosqlite.Connection | None = None
        self._writes: GroupCommit | None = None
        self._opening = asyncio.Lock()
        self._is_closed = False
        self._failures = 0

    async def open(self) -> None:
        if self._path is None:
            return
        if await asyncio.to_thread(_is_taken, self._path):
            await self._opened()
        self._announcement = await asyncio.to_thread(Announcement, self._path)
        if not self._announcement.is_first:
            _logger.warning(
                "another server is running that keeps its events in %s: of the two, the second to be given one refuses it. "
                "Give this one a folder of its own (--data-dir)",
                self._path,
            )

    def on_arrival(self, look: Callable[[], None]) -> None:
        # SQLite tells nobody what another process wrote.
        pass

    async def put(self, event: QueuedEvent) -> None:
        writes = await self._opened()
        with self._said_plainly():
            await writes.write(schema.INSERT, schema.row_of(event))

    async def due_times(self, functions: Iterable[str]) -> dict[str, float]:
        return await self._due_times(EventState.QUEUED, functions)

    async def take(self, function: str, now_ms: float, limit: int) -> Sequence[QueuedEvent]:
        rows = await self._take(EventState.QUEUED, EventState.RUNNING, function, now_ms, limit)
        return [schema.event_of(row) for row in rows]

    async def retry(self, event: QueuedEvent) -> None:
        row = (EventState.QUEUED.value, event.due_ms, event.attempts, event.throttles, event.reason, event.sequence)
        await self._write(_RETRY, row)

    async def finish(self, finished: FinishedEvent) -> None:
        if finished.deliveries:
            await self._end(EventState.UNDELIVERED, finished)
        elif finished.succeeded:
            await self._write(_FORGET, (finished.event.sequence,))
        else:
            await self._end(EventState.FAILED, finished)
            self._failures += 1
            if self._failures % CLEARANCE == 0:
                await self._write(_PRUNE, (EventState.FAILED.value, FAILED_KEPT))

    async def delivery_times(self, functions: Iterable[str]) -> dict[str, float]:
        return await self._due_times(EventState.UNDELIVERED, functions)

    async def take_undelivered(self, function: str, now_ms: float, limit: int) -> Sequence[FinishedEvent]:
        rows = await self._take(EventState.UNDELIVERED, EventState.DELIVERING, function, now_ms, limit)
        return [schema.finished_of(row) for row in rows]

    async def put_off(self, finished: FinishedEvent) -> None:
        if finished.deliveries:
            await self._end(EventState.UNDELIVERED, finished)
        else:
            await self._write(_FORGET, (finished.event.sequence,))

    async def bury(self, finished: FinishedEvent) -> None:
        await self._end(EventState.DEAD, finished)

    async def depths(self) -> dict[tuple[str, EventState], int]:
        rows = await self._read("SELECT function, state, COUNT(*) FROM events GROUP BY state, function", ())
        return {(function, EventState(state)): count for function, state, count in rows}

    async def close(self) -> None:
        async with self._opening:
            self._is_closed = True
            if self._writes is not None:
                # Where the disk is full, whoever opens it next does this.
                await self._writes.write_all(_RECOVER, _RECOVERED)
                await self._writes.close()
            await self._connections.aclose()
            self._reader = self._writes = None
            if self._folder is not None:
                await asyncio.to_thread(self._leave, self._folder)
            if self._announcement is not None:
                self._announcement.close()

    # Opening

    async def _opened(self) -> GroupCommit:
        async with self._opening:
            if self._is_closed:
                raise StoreFailed("the events are closed")
            if self._writes is None:
                await self._open()
            assert self._writes is not None
            return self._writes

    async def _open(self) -> None:
        folder = await asyncio.to_thread(self._claim)
        self._folder = folder
        try:
            writer = await self._connect(folder.database)
            await _prepare(writer, folder.database)
            self._reader = await self._connect(folder.database)
        except (sqlite3.Error, StoreUnusable) as error:
            await self._connections.aclose()
            self._folder = None
            await asyncio.to_thread(self._leave, folder)
            raise _unusable(folder.database, error) from None
        self._writes = GroupCommit(writer)

    def _claim(self) -> DataFolder:
        folder = DataFolder(self._path or tempfile.mkdtemp(prefix="pilotlight-events-"))
        folder.claim()
        return folder

    async def _connect(self, database: str) -> aiosqlite.Connection:
        return await self._connections.enter_async_context(aiosqlite.connect(database, timeout=_BUSY_S))

    def _leave(self, folder: DataFolder) -> None:
        folder.release()
        if self._path is None:
            shutil.rmtree(folder.path, ignore_errors=True)

    # Reading and writing

    async def _due_times(self, state: EventState, functions: Iterable[str]) -> dict[str, float]:
        names = list(functions)
        if self._reader is None or not names:
            return {}
        served = ", ".join(["(?)"] * len(names))
        due = "SELECT MIN(due_ms) FROM events WHERE state = ? AND function = name"
        rows = await self._read(
            f"WITH served(name) AS (VALUES {served}) SELECT name, ({due}) FROM served", (*names, state.value)
        )
        return {name: due_ms for name, due_ms in rows if due_ms is not None}

    async def _take(self, waiting: EventState, busy: EventState, function: str, now_ms: float, limit: int) -> list[Any]:
        rows = await self._read(
            f"SELECT {schema.WITH_FINISHED} FROM events WHERE state = ? AND function = ? AND due_ms <= ? "
            "ORDER BY due_ms, sequence LIMIT ?",
            (waiting.value, function, now_ms, limit),
        )
        if not rows:
            return []
        assert self._writes is not None
        written = await self._writes.write_all(_TAKE, [(busy.value, row[0]) for row in rows])
        with self._said_plainly():
            taken = _taken(rows, written)
        return await self._still_there(taken)

    async def _still_there(self, taken: list[Any]) -> list[Any]:
        """Without those that another process has purged since they were read."""
        marks = ", ".join(["?"] * len(taken))
        wanted = tuple(row[0] for row in taken)
        try:
            rows = await self._read(f"SELECT sequence FROM events WHERE sequence IN ({marks})", wanted)
        except StoreFailed:
            # They are marked as taken, and nobody else would come for them.
            return taken
        there = {row[0] for row in rows}
        return [row for row in taken if row[0] in there]

    async def _end(self, state: EventState, finished: FinishedEvent) -> None:
        event = finished.event
        ending = schema.ending_of(finished)
        counts = (event.attempts, event.throttles)
        await self._write(_END, (state.value, finished.due_ms, *counts, finished.reason, ending, event.sequence))

    async def _read(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        if self._reader is None:
            return []
        with self._said_plainly():
            return list(await self._reader.execute_fetchall(sql, values))

    async def _write(self, sql: str, row: tuple[object, ...]) -> None:
        writes = await self._opened()
        with self._said_plainly():
            await writes.write(sql, row)

    @contextlib.contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            where = self._folder.database if self._folder else "the store"
            raise StoreFailed(f"{where}: {error}") from None


def _is_taken(path: str) -> bool:
    """Whether something is there: events, or what is no folder and cannot have any."""
    return os.path.exists(os.path.join(path, DATABASE)) or (os.path.lexists(path) and not os.path.isdir(path))


async def _prepare(writer: aiosqlite.Connection, database: str) -> None:
    """Have the table there, and nothing in it running."""
    await writer.execute("PRAGMA journal_mode = WAL")
    await writer.execute("PRAGMA synchronous = FULL")
    ((version,),) = await writer.execute_fetchall("PRAGMA user_version")
    if version == 0:
        await writer.executescript(f"BEGIN IMMEDIATE; {schema.CREATE} PRAGMA user_version = {schema.VERSION}; COMMIT;")
    elif version != schema.VERSION:
        raise StoreUnusable(
            f"{database} was written by another version of pilotlight: use that one, or move the file away"
        )
    await writer.executemany(_RECOVER, _RECOVERED)
    await writer.commit()


def _taken(rows: list[Any], written: list[BaseException | None]) -> list[Any]:
    """Those rows that are marked as taken; raises what was in the way when none is."""
    taken = [row for row, error in zip(rows, written, strict=True) if error is None]
    if not taken and written[0] is not None:
        raise written[0]
    return taken


def _unusable(database: str, error: Exception) -> StoreUnusable:
    if isinstance(error, StoreUnusable):
        return error
    return StoreUnusable(
        f"{database} cannot be used: {error}. To begin with no events, move it and the files beside it away."
    )

"""Looks into the events of a folder from outside, while a server works with them or while none does.

Everything is one transaction of SQLite, so a server and any number of these share the file safely. A server notices within a
second what was put back. Not for event loops: it waits for the disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Any

import msgspec

from runtime_api.dispatch.events import schema
from runtime_api.dispatch.events.data_folder import DATABASE
from runtime_api.dispatch.events.store import StoreFailed, StoreUnusable
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent
from runtime_api.protocol.asynchronous.rules import delivered_anew

_BUSY_S = 5.0
_HEAD = "sequence, state, function, qualifier, request_id, accepted_ms, due_ms, attempts, throttles, reason, length(payload)"

_RUN_AGAIN = (
    "UPDATE events SET state = ?, accepted_ms = ?, due_ms = ?, attempts = 0, throttles = 0, reason = NULL, finished = NULL "
    "WHERE sequence = ? AND state = ?"
)
_DELIVER_AGAIN = "UPDATE events SET state = ?, due_ms = ?, reason = ?, finished = ? WHERE sequence = ? AND state = ?"


class EventHead(msgspec.Struct, frozen=True):
    """What a list shows of an event; `reason` is why its last attempt or its last delivery failed or was refused."""

    sequence: int
    state: EventState
    function_name: str
    qualifier: str | None
    request_id: str
    accepted_ms: float
    due_ms: float
    attempts: int
    throttles: int
    reason: str | None
    payload_bytes: int


class EventDetails(msgspec.Struct, frozen=True):
    """All there is of an event; `finished` is None while it waits or runs."""

    state: EventState
    event: QueuedEvent
    finished: FinishedEvent | None


class Ledger:
    """The events in a folder, as a context manager. Raises StoreUnusable when there are none to be read, its methods StoreFailed."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, DATABASE)
        if not os.path.isfile(self._path):
            raise StoreUnusable(f"{folder} holds no events: no server has accepted one there")
        self._database = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        try:
            self._check_version()
        except StoreFailed as error:
            self._database.close()
            raise StoreUnusable(str(error)) from None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def heads(
        self, states: Iterable[EventState] = tuple(EventState), function: str | None = None, limit: int = 1000
    ) -> list[EventHead]:
        """The oldest events in one of these states, of this function or of all."""
        wanted, values = _in(states)
        only = "" if function is None else " AND function = ?"
        rows = self._execute(
            f"SELECT {_HEAD} FROM events WHERE state IN ({wanted}){only} ORDER BY sequence LIMIT ?",
            (*values, *(() if function is None else (function,)), limit),
        )
        return [EventHead(row[0], EventState(row[1]), *row[2:]) for row in rows]

    def find(self, prefix: str) -> Sequence[EventDetails]:
        """The events whose request id begins so; no more than two, since a second one says that the prefix is too short."""
        rows = self._execute(
            f"SELECT {schema.WITH_FINISHED}, state FROM events WHERE substr(request_id, 1, ?) = ? ORDER BY sequence LIMIT 2",
            (len(prefix), prefix),
        )
        return [
            EventDetails(EventState(row[13]), schema.event_of(row), schema.finished_of(row) if row[12] else None)
            for row in rows
        ]

    def redrive(self, sequences: Iterable[int], now_ms: float) -> int:
        """Have failed events run again, as if they came now, and dead ones delivered again, under their request ids; gives how many."""
        sequences = list(sequences)
        failed, queued = EventState.FAILED.value, EventState.QUEUED.value
        run = self._change(_RUN_AGAIN, [(queued, now_ms, now_ms, sequence, failed) for sequence in sequences])
        dead = [finished for sequence in sequences for finished in self._dead(sequence)]
        return run + self._change(_DELIVER_AGAIN, [_row_to_deliver(delivered_anew(one, now_ms)) for one in dead])

    def _dead(self, sequence: int) -> list[FinishedEvent]:
        sql = f"SELECT {schema.WITH_FINISHED} FROM events WHERE sequence = ? AND state = ?"
        return [schema.finished_of(row) for row in self._execute(sql, (sequence, EventState.DEAD.value))]

    def purge(self, sequences: Iterable[int]) -> int:
        """Forget events, in whatever state they are but running and being delivered; gives how many."""
        busy, values = _in((EventState.RUNNING, EventState.DELIVERING))
        sql = f"DELETE FROM events WHERE sequence = ? AND state NOT IN ({busy})"
        return self._change(sql, [(sequence, *values) for sequence in sequences])

    def _check_version(self) -> None:
        ((version,),) = self._execute("PRAGMA user_version")
        if version == 0:
            raise StoreFailed(f"{self._path} holds no events yet")
        if version != schema.VERSION:
            raise StoreFailed(f"{self._path} was written by another version of pilotlight: use that one")

    def _execute(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            with closing(self._database.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"{self._path}: {error}") from None

    def _change(self, sql: str, rows: list[tuple[object, ...]]) -> int:
        self._execute("BEGIN IMMEDIATE")
        try:
            with self._database, closing(self._database.executemany(sql, rows)) as cursor:
                return max(cursor.rowcount, 0)
        except sqlite3.Error as error:
            raise StoreFailed(f"{self._path}: {error}") from None


def _row_to_deliver(finished: FinishedEvent) -> tuple[object, ...]:
    ending = schema.ending_of(finished)
    undelivered, dead = EventState.UNDELIVERED.value, EventState.DEAD.value
    return (undelivered, finished.due_ms, finished.reason, ending, finished.event.sequence, dead)


def _in(states: Iterable[EventState]) -> tuple[str, tuple[str, ...]]:
    values = tuple(state.value for state in states)
    return ", ".join("?" * len(values)), values

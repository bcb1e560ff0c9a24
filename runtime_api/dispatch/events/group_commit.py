"""Many writers, one commit.

Strategy: a commit waits for the disk, and while it does, the next writes gather; all of them go into the next transaction. So one
event costs one wait, and a thousand at once cost about two. When a transaction fails, each of its writes is tried in one of its own:
what is too large for a full disk must not take smaller ones with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import aiosqlite

Row = Sequence[object]


class _Write(NamedTuple):
    sql: str
    row: Row
    done: asyncio.Future[None]


class GroupCommit:
    """Writes rows through a connection nobody else writes to."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._waiting: list[_Write] = []
        self._committing: asyncio.Task[None] | None = None

    async def write(self, sql: str, row: Row) -> None:
        """Return once it is on disk; raises what SQLite raises, and then nothing of it is. Order among writes at once is not kept."""
        await self._add(sql, row)

    async def write_all(self, sql: str, rows: Sequence[Row]) -> list[BaseException | None]:
        """The same for several rows, each for itself: None for each that is on disk."""
        return await asyncio.gather(*[self._add(sql, row) for row in rows], return_exceptions=True)

    async def close(self) -> None:
        """Return once everything that waited is on disk or has failed."""
        if self._committing is not None:
            await self._committing

    def _add(self, sql: str, row: Row) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(sql, row, done))
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit_waiting())
        return done

    async def _commit_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                await self._commit(group)
            except Exception:
                for write in group:
                    await self._commit_alone(write)
        self._committing = None

    async def _commit_alone(self, write: _Write) -> None:
        try:
            await self._commit([write])
        except Exception as error:
            if not write.done.done():
                write.done.set_exception(error)

    async def _commit(self, group: list[_Write]) -> None:
        rows: dict[str, list[Row]] = {}
        for write in group:
            rows.setdefault(write.sql, []).append(write.row)
        try:
            for sql, together in rows.items():
                await self._connection.executemany(sql, together)
            await self._connection.commit()
        except Exception:
            await self._connection.rollback()
            raise
        for write in group:
            if not write.done.done():
                write.done.set_result(None)

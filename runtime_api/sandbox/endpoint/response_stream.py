"""A streamed answer between the runtime that writes it and the caller who reads it.

Strategy: pieces wait here until they are read. When more than WINDOW_BYTES wait, the runtime's connection is not read any further, and TCP
holds the function up; when half of them are read it goes on. So a slow reader costs a bounded amount of memory. The stream is over
when the invocation is, however that ends: what waits can still be read then, what comes later is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from runtime_api.protocol.invocation import Outcome

WINDOW_BYTES = 256 * 1024
# So many small pieces are read before others have their turn.
PIECES_IN_A_ROW = 32


class Source(Protocol):
    """Where the pieces come from."""

    def pause(self) -> None:
        """Read nothing more for now."""

    def resume(self) -> None:
        """Read on."""


class LiveStream:
    """Implements `protocol.invoke.response_stream.ResponseStream`. `size_bytes` is what has come of it so far."""

    def __init__(self, content_type: str, source: Source) -> None:
        self.content_type = content_type
        self.size_bytes = 0
        self._source = source
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._in_a_row = 0
        self._is_held = False
        self._is_abandoned = False
        self._arrival = asyncio.Event()
        self._ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    # the reader's side

    def __aiter__(self) -> LiveStream:
        return self

    async def __anext__(self) -> bytes:
        await self._let_others_run()
        while not self._pieces:
            if self._ended.done():
                raise StopAsyncIteration
            self._arrival.clear()
            await self._arrival.wait()
        piece = self._pieces.popleft()
        self._waiting_bytes -= len(piece)
        if self._is_held and self._waiting_bytes <= WINDOW_BYTES // 2:
            self._let_go()
        return piece

    async def end(self) -> Outcome:
        """How it went."""
        # Who gives up waiting does not take it from others.
        return await asyncio.shield(self._ended)

    def abandon(self) -> None:
        """Nobody reads on: the rest is dropped."""
        self._is_abandoned = True
        self._pieces.clear()
        self._waiting_bytes = 0
        self._let_go()

    async def _let_others_run(self) -> None:
        # Pieces that are there are read without waiting, and there may be a hundred thousand of a byte each.
        self._in_a_row = (self._in_a_row + 1) % PIECES_IN_A_ROW
        if self._in_a_row == 0:
            await asyncio.sleep(0)

    # the sandbox's side

    def feed(self, piece: bytes) -> None:
        """The runtime wrote this, which is not empty."""
        self.size_bytes += len(piece)
        if self._is_abandoned or self._ended.done():
            return
        self._pieces.append(piece)
        self._waiting_bytes += len(piece)
        self._arrival.set()
        if self._waiting_bytes > WINDOW_BYTES and not self._is_held:
            self._is_held = True
            self._source.pause()

    def finish(self, outcome: Outcome) -> None:
        """The invocation is over; the first outcome counts."""
        if not self._ended.done():
            self._ended.set_result(outcome)
            self._arrival.set()
            self._let_go()

    def _let_go(self) -> None:
        if self._is_held:
            self._is_held = False
            self._source.resume()

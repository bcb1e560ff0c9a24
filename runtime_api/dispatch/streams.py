"""Streamed answers on their way to whoever asked for them: none is left unread, and none is faster than it may be.

Strategy: an answer that nobody reads would hold its function up until it times out. So whoever stops waiting for one before it begins
leaves somebody behind, who abandons it when it does. Pacing is done where the pieces are read: what waits holds the function up by
itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.response_stream import ResponseStream
from runtime_api.protocol.invoke.stream_bandwidth import StreamBandwidth


class Streams:
    """Those of a platform; with `throttled` they are as slow as on Lambda."""

    def __init__(self, clock: Clock, *, throttled: bool = False) -> None:
        self._clock = clock
        self._throttled = throttled
        self._awaited: set[asyncio.Task[Outcome]] = set()

    async def open(self, answering: Coroutine[Any, Any, Outcome]) -> Outcome:
        """What `answering` gives; cancelling this leaves it at work, and abandons its stream."""
        answer = asyncio.ensure_future(answering)
        self._awaited.add(answer)
        answer.add_done_callback(self._awaited.discard)
        try:
            outcome = await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(_abandon)
            raise
        if outcome.stream is None or not self._throttled:
            return outcome
        return msgspec.structs.replace(outcome, stream=ThrottledStream(outcome.stream, self._clock))


class ThrottledStream:
    """Implements `ResponseStream`: another one, no faster than Lambda has it."""

    def __init__(self, stream: ResponseStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._pieces = aiter(stream)
        self._bandwidth = StreamBandwidth(clock.monotonic_ms())

    @property
    def content_type(self) -> str:
        """What the runtime says the body is."""
        return self._stream.content_type

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        delay_ms = self._bandwidth.take(len(piece), self._clock.monotonic_ms())
        if delay_ms > 0:
            await self._pause(delay_ms)
        return piece

    async def end(self) -> Outcome:
        """How it went."""
        return await self._stream.end()

    def abandon(self) -> None:
        """Nobody reads on."""
        self._stream.abandon()

    async def _pause(self, delay_ms: float) -> None:
        over = asyncio.Event()
        timer = self._clock.call_later(delay_ms, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()


def _abandon(answer: asyncio.Task[Outcome]) -> None:
    if answer.cancelled() or answer.exception() is not None:
        return
    stream = answer.result().stream
    if stream is not None:
        stream.abandon()

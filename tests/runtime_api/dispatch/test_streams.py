"""Streams between sandboxes and front ends: those nobody waits for any more, and those that are slowed down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from runtime_api.dispatch.streams import Streams
from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.invoke.errors import ServiceFailure
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until

MIB = 1024 * 1024
GOOD = Outcome(OutcomeKind.SUCCESS, b"")


class Pieces:
    """A stream whose pieces are all there."""

    content_type = "text/plain"

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.is_abandoned = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)

    async def end(self) -> Outcome:
        return GOOD

    def abandon(self) -> None:
        self.is_abandoned = True


class Answering:
    """An invocation that begins its answer when it is told to."""

    def __init__(self, stream: Pieces) -> None:
        self.stream = stream
        self.beginning: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def run(self) -> Outcome:
        return await self.beginning

    def begin(self) -> None:
        self.beginning.set_result(Outcome(OutcomeKind.SUCCESS, b"", stream=self.stream))


async def cancelled(task: asyncio.Task[Outcome]) -> None:
    """See that it is."""
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_leaves_before_the_beginning_leaves_no_stream_unread(clock: VirtualClock) -> None:
    """It is abandoned when it begins."""
    answering = Answering(Pieces(b"1"))
    opening = asyncio.ensure_future(Streams(clock).open(answering.run()))
    await asyncio.sleep(0)
    opening.cancel()
    await cancelled(opening)
    answering.begin()
    await until(lambda: answering.stream.is_abandoned)


async def test_who_leaves_at_the_beginning_leaves_no_stream_unread(clock: VirtualClock) -> None:
    """Its outcome was on its way, and nobody will ever have it."""
    answering = Answering(Pieces(b"1"))
    streams = Streams(clock)
    opening = asyncio.ensure_future(streams.open(answering.run()))
    await asyncio.sleep(0)
    [awaited] = streams._awaited
    awaited.add_done_callback(lambda _awaited: opening.cancel())
    await asyncio.sleep(0)
    answering.begin()
    await cancelled(opening)
    await until(lambda: answering.stream.is_abandoned)


async def test_who_leaves_a_call_that_fails_leaves_nothing(clock: VirtualClock, no_loop_errors: None) -> None:
    """There is nothing to abandon then, and nobody to tell."""
    failing = asyncio.Event()

    async def fail() -> Outcome:
        await failing.wait()
        raise ServiceFailure("down")

    streams = Streams(clock)
    opening = asyncio.ensure_future(streams.open(fail()))
    await asyncio.sleep(0)
    opening.cancel()
    await cancelled(opening)
    failing.set()
    await until(lambda: not streams._awaited)


async def test_outcomes_without_a_stream_pass(clock: VirtualClock) -> None:
    """Throttled or not."""

    async def answer() -> Outcome:
        return GOOD

    assert await Streams(clock).open(answer()) is GOOD
    assert await Streams(clock, throttled=True).open(answer()) is GOOD


async def test_a_throttled_stream_is_slow_after_six_megabytes(clock: VirtualClock) -> None:
    """The first six at once, the seventh half a second later; the rest is as the stream has it."""
    answering = Answering(Pieces(*[b"x" * MIB] * 7))
    answering.begin()
    stream = (await Streams(clock, throttled=True).open(answering.run())).stream
    assert stream is not None
    assert stream.content_type == "text/plain"
    pieces = aiter(stream)
    for _ in range(6):
        await anext(pieces)
    seventh = asyncio.ensure_future(anext(pieces))
    await until(lambda: clock.pending)
    assert clock.pending == [500]
    clock.advance(499)
    await asyncio.sleep(0)
    assert not seventh.done()
    clock.advance(1)
    assert len(await seventh) == MIB
    assert await stream.end() is GOOD
    stream.abandon()
    assert answering.stream.is_abandoned


async def test_who_leaves_a_throttled_stream_leaves_no_timer(clock: VirtualClock) -> None:
    """A cancelled read is called off."""
    answering = Answering(Pieces(b"x" * 7 * MIB))
    answering.begin()
    stream = (await Streams(clock, throttled=True).open(answering.run())).stream
    assert stream is not None
    reading = asyncio.ensure_future(anext(aiter(stream)))
    await until(lambda: clock.pending)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert clock.pending == []

"""A streamed answer between writer and reader: what is read, when the writer is held up, and how it is over."""

from __future__ import annotations

import asyncio

from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.sandbox.endpoint.response_stream import WINDOW_BYTES, LiveStream

GOOD = Outcome(OutcomeKind.SUCCESS, b"")


class Writer:
    """Where pieces come from: counts how often it was held up, and let go."""

    def __init__(self) -> None:
        self.paused_count = 0
        self.resumed_count = 0

    def pause(self) -> None:
        self.paused_count += 1

    def resume(self) -> None:
        self.resumed_count += 1

    def is_held(self) -> bool:
        return self.paused_count > self.resumed_count


async def read_all(stream: LiveStream) -> list[bytes]:
    """Every piece to the end."""
    return [piece async for piece in stream]


async def test_pieces_are_read_as_they_were_written() -> None:
    """One by one, also those that were there before the reader; then the end."""
    stream = LiveStream("text/plain", Writer())
    stream.feed(b"1")
    reading = asyncio.ensure_future(read_all(stream))
    await asyncio.sleep(0)
    stream.feed(b"2")
    stream.feed(b"3")
    stream.finish(GOOD)
    assert await reading == [b"1", b"2", b"3"]
    assert await stream.end() is GOOD
    assert (stream.content_type, stream.size_bytes) == ("text/plain", 3)


async def test_the_writer_is_held_up_while_too_much_waits() -> None:
    """Once beyond the window, until half of that is read; what waits stays within the window and one piece."""
    writer = Writer()
    stream = LiveStream("", writer)
    piece = b"x" * (WINDOW_BYTES // 4)
    for _ in range(4):
        stream.feed(piece)
    assert not writer.is_held()
    stream.feed(piece)
    assert writer.is_held()
    for _ in range(2):
        await anext(stream)
    assert writer.is_held()
    await anext(stream)
    assert not writer.is_held()


async def test_nobody_holds_the_writer_up_after_the_end() -> None:
    """However it came about; what waits can still be read, what comes later is dropped."""
    writer = Writer()
    stream = LiveStream("", writer)
    stream.feed(b"x" * (WINDOW_BYTES + 1))
    stream.finish(GOOD)
    assert not writer.is_held()
    stream.feed(b"y" * (WINDOW_BYTES + 1))
    assert not writer.is_held()
    assert [len(piece) for piece in await read_all(stream)] == [WINDOW_BYTES + 1]


async def test_an_abandoned_stream_holds_nobody_up() -> None:
    """What waits and what comes is dropped, and counted all the same; its end is the writer's."""
    writer = Writer()
    stream = LiveStream("", writer)
    stream.feed(b"x" * (WINDOW_BYTES + 1))
    stream.abandon()
    stream.feed(b"y" * (WINDOW_BYTES + 1))
    assert (writer.is_held(), writer.paused_count, stream.size_bytes) == (False, 1, 2 * WINDOW_BYTES + 2)
    stream.finish(GOOD)
    stream.abandon()
    assert await read_all(stream) == []
    assert await stream.end() is GOOD


async def test_the_first_end_counts() -> None:
    """A second one changes nothing."""
    stream = LiveStream("", Writer())
    stream.finish(GOOD)
    stream.finish(Outcome(OutcomeKind.ERROR, b"late"))
    assert await stream.end() is GOOD


async def test_who_gives_up_waiting_takes_nothing_from_others() -> None:
    """A cancelled read or a cancelled wait for the end can be made again."""
    stream = LiveStream("", Writer())
    for wait in (anext(stream), stream.end()):
        waiting = asyncio.ensure_future(wait)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    stream.feed(b"1")
    stream.finish(GOOD)
    assert await read_all(stream) == [b"1"]
    assert await stream.end() is GOOD


async def test_many_small_pieces_leave_others_their_turn() -> None:
    """Whoever reads them has never to wait, and still does not keep the loop for himself."""
    stream = LiveStream("", Writer())
    for _ in range(1000):
        stream.feed(b"x")
    stream.finish(GOOD)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.ensure_future(others())
    assert len(await read_all(stream)) == 1000
    running.cancel()
    assert turns > 20

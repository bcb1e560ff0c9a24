from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator

import pytest

from runtime_api.protocol.function.log_levels import LogLevel
from runtime_api.sandbox.output import LINE_LIMIT_BYTES, PIPE_BYTES, LineCutter, Output
from runtime_api.telemetry.events import FunctionLine
from runtime_api.telemetry.log.frames import FrameCutter
from tests.runtime_api.waiting import until


class Pipe:
    """An output, the lines it cut, and somebody who writes into it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.cutter = LineCutter(self.lines.append)
        self.output = Output(self.cutter)
        self.fds = (self.output._read_fd, self.output.write_fd)
        self._writer = os.dup(self.output.write_fd)
        self.output.started()

    def write(self, data: bytes) -> None:
        """Write what fits into a pipe."""
        assert os.write(self._writer, data) == len(data)

    async def write_all(self, data: bytes) -> None:
        """Write any amount, as fast as it is read."""
        await asyncio.to_thread(self._write_all, data)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._writer, view) :]

    def end(self) -> None:
        """Close the writing end."""
        if self._writer >= 0:
            os.close(self._writer)
        self._writer = -1


@pytest.fixture
async def pipe(no_loop_errors: None) -> AsyncIterator[Pipe]:
    """An output that is read by the loop."""
    pipe = Pipe()
    yield pipe
    pipe.output.close()
    pipe.end()


def is_open(fd: int) -> bool:
    """Whether a descriptor is in use."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


async def test_lines_are_cut(pipe: Pipe) -> None:
    """Each line with its line feed; what has none yet waits."""
    pipe.write(b"one\ntwo\n\nthr")
    await until(lambda: len(pipe.lines) == 3)
    assert pipe.lines == [b"one\n", b"two\n", b"\n"]
    pipe.write(b"ee\n")
    await until(lambda: pipe.lines[3:] == [b"three\n"])


async def test_bytes_are_not_touched(pipe: Pipe) -> None:
    """Binary, carriage returns and NUL pass as they are."""
    pipe.write(bytes(range(10)) + b"\r\xff\n" + bytes(range(11, 256)) + b"\n")
    await until(lambda: len(pipe.lines) == 2)
    assert b"".join(pipe.lines) == bytes(range(10)) + b"\r\xff\n" + bytes(range(11, 256)) + b"\n"


async def test_drain_reads_what_is_there_and_ends_the_line(pipe: Pipe) -> None:
    """Without waiting for the loop: an unfinished line is a line now."""
    pipe.write(b"one\nunfinished")
    pipe.output.drain()
    assert pipe.lines == [b"one\n", b"unfinished"]


async def test_drain_of_nothing_is_nothing(pipe: Pipe) -> None:
    """No output, no line."""
    pipe.output.drain()
    assert pipe.lines == []


async def test_drain_takes_a_full_pipe(pipe: Pipe) -> None:
    """As much as a pipe holds is read at once."""
    pipe.write(b"x" * (PIPE_BYTES - 1) + b"\n")
    pipe.output.drain()
    assert [len(line) for line in pipe.lines] == [PIPE_BYTES]


async def test_a_line_longer_than_an_event_becomes_several(pipe: Pipe) -> None:
    """Nothing is lost, and no line is much over the limit."""
    data = b"x" * (3 * LINE_LIMIT_BYTES) + b"\n"
    await pipe.write_all(data)
    await until(lambda: sum(map(len, pipe.lines)) == len(data))
    assert b"".join(pipe.lines) == data
    assert max(map(len, pipe.lines)) < LINE_LIMIT_BYTES + PIPE_BYTES


async def test_a_flood_without_line_feed_is_bounded(pipe: Pipe) -> None:
    """Ten megabytes of one line are never held at once."""
    size = 10 * 1024 * 1024
    await pipe.write_all(b"x" * size)
    pipe.output.drain()
    assert sum(map(len, pipe.lines)) == size
    assert max(map(len, pipe.lines)) < LINE_LIMIT_BYTES + PIPE_BYTES


async def test_the_end_of_output_is_noticed(pipe: Pipe) -> None:
    """The reading end is closed as soon as nobody can write; what was unfinished waits for a drain."""
    pipe.write(b"last")
    pipe.end()
    await until(lambda: not is_open(pipe.fds[0]))
    pipe.output.drain()
    assert pipe.lines == [b"last"]


async def test_close_ends_it_while_somebody_still_writes(pipe: Pipe) -> None:
    """A grandchild that keeps the pipe writes into nothing from then on."""
    pipe.write(b"unfinished")
    pipe.output.drain()
    pipe.output.close()
    assert not any(is_open(fd) for fd in pipe.fds)
    with pytest.raises(BrokenPipeError):
        pipe.write(b"more")


async def test_close_flushes_the_unfinished_line(pipe: Pipe) -> None:
    """What was read is not forgotten."""
    pipe.write(b"unfinished")
    await until(lambda: pipe.cutter._partial)
    pipe.output.close()
    assert pipe.lines == [b"unfinished"]


async def test_a_second_close_is_harmless(pipe: Pipe) -> None:
    """Nobody else's descriptor is closed."""
    pipe.output.close()
    taken = os.open(os.devnull, os.O_RDONLY)
    pipe.output.close()
    pipe.output.drain()
    assert is_open(taken)
    os.close(taken)


async def test_frames_come_through_the_same_pipe() -> None:
    """What was written before a drain is read in it; what is not whole waits for its rest, or for the end."""
    lines: list[FunctionLine] = []
    output = Output(FrameCutter(lines.append))
    frame = struct.pack(">IIQ", 0xA55A0017, 6, 1_700_000_000_123_000) + b"boom\n!"
    os.write(output.write_fd, frame + frame[:20])
    output.drain()
    whole = FunctionLine(b"boom\n!", 1_700_000_000_123.0, LogLevel.ERROR)
    assert lines == [whole]
    os.write(output.write_fd, frame[20:] + frame[:18])
    output.drain()
    output.close()
    assert lines == [whole, whole, FunctionLine(b"bo", whole.time_ms, whole.level)]


async def test_one_that_was_never_started_leaves_nothing_open() -> None:
    """Both ends are closed."""
    output = Output(LineCutter(lambda _line: None))
    fds = (output._read_fd, output.write_fd)
    output.close()
    assert not any(is_open(fd) for fd in fds)

from __future__ import annotations

import os
import struct
import time

import pytest
from awslambdaric.bootstrap import FramedTelemetryLogSink
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.function.log_levels import LogLevel
from runtime_api.telemetry.events import FunctionLine
from runtime_api.telemetry.log.frames import EVENT_LIMIT_BYTES, FrameCutter

TIME_US = 1_700_000_000_123_456
TIME_MS = 1_700_000_000_123.456
TEXT = 0xA55A0003


def frame(message: bytes, kind: int = TEXT, time_us: int = TIME_US) -> bytes:
    """A frame as runtimes write it."""
    return struct.pack(">IIQ", kind, len(message), time_us) + message


class Cut:
    """A cutter and what it cut."""

    def __init__(self) -> None:
        self.lines: list[FunctionLine] = []
        self.cutter = FrameCutter(self.lines.append)

    def feed(self, data: bytes) -> list[FunctionLine]:
        """Feed, and look at all lines so far."""
        self.cutter.feed(data)
        return self.lines


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (0xA55A0003, None),
        (0xA55A0002, None),
        (0xA55A0007, LogLevel.TRACE),
        (0xA55A000B, LogLevel.DEBUG),
        (0xA55A000A, LogLevel.DEBUG),
        (0xA55A000F, LogLevel.INFO),
        (0xA55A0013, LogLevel.WARN),
        (0xA55A0017, LogLevel.ERROR),
        (0xA55A0016, LogLevel.ERROR),
        (0xA55A001B, LogLevel.FATAL),
        (0xA55A001A, LogLevel.FATAL),
    ],
)
def test_a_frame_is_one_event_with_its_level(kind: int, level: LogLevel | None) -> None:
    """Text or JSON, with the moment it brings."""
    assert Cut().feed(frame(b"one\ntwo\n", kind)) == [FunctionLine(b"one\ntwo\n", TIME_MS, level)]


def test_what_awss_own_client_writes() -> None:
    """Its sink, on a pipe: text with a level, and what has none."""
    read_fd, write_fd = os.pipe()
    with FramedTelemetryLogSink(write_fd) as sink:
        sink.log_error(["boom", "trace"])
        sink.log("said\n")
    cut = Cut().feed(os.read(read_fd, 65_536))
    os.close(read_fd)
    assert [(line.line, line.level) for line in cut] == [(b"boom\ntrace", LogLevel.ERROR), (b"said\n", None)]
    assert all(abs((line.time_ms or 0) / 1000 - time.time()) < 60 for line in cut)


def test_a_frame_may_have_no_moment() -> None:
    """Older runtimes wrote type and length only."""
    data = struct.pack(">II", 0xA55A0001, 3) + b"abc"
    assert Cut().feed(data + frame(b"x")) == [FunctionLine(b"abc"), FunctionLine(b"x", TIME_MS)]


def test_an_empty_frame_is_nothing() -> None:
    """And does no harm to the next."""
    assert Cut().feed(frame(b"") + frame(b"x")) == [FunctionLine(b"x", TIME_MS)]


def test_a_moment_no_calendar_has_is_none() -> None:
    """The line is told with the time it arrived."""
    assert Cut().feed(frame(b"x", TEXT, 2**64 - 1)) == [FunctionLine(b"x")]


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.integers(1, 40))
def test_pieces_do_not_matter(messages: list[bytes], size: int) -> None:
    """However the pipe cuts what was written."""
    data = b"".join(frame(message) for message in messages)
    cut = Cut()
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    assert [line.line for line in cut.lines] == messages


def test_a_long_event_comes_in_parts() -> None:
    """No part is longer than a log event may be, and nothing is held beyond one."""
    message = b"x" * (2 * EVENT_LIMIT_BYTES + 1)
    cut = Cut()
    for start in range(0, len(message) + 16, 65_536):
        cut.feed(frame(message, 0xA55A0017)[start : start + 65_536])
        assert len(cut.cutter._held) <= EVENT_LIMIT_BYTES + 65_536
    assert [len(line.line) for line in cut.lines] == [EVENT_LIMIT_BYTES, EVENT_LIMIT_BYTES, 1]
    assert {line.level for line in cut.lines} == {LogLevel.ERROR}


def test_bytes_that_are_no_frame_are_lines() -> None:
    """Nothing is lost, and the next frame is found."""
    assert Cut().feed(b"stray\nbytes" + frame(b"x") + b"more\n") == [
        FunctionLine(b"stray\n"),
        FunctionLine(b"bytes"),
        FunctionLine(b"x", TIME_MS),
        FunctionLine(b"more\n"),
    ]


def test_a_type_nobody_knows_is_no_frame() -> None:
    """It is passed on with what belongs to it."""
    stray = frame(b"x\n", 0xA55A00FF)
    cut = Cut()
    assert cut.feed(stray + frame(b"y"))[-1] == FunctionLine(b"y", TIME_MS)
    assert b"".join(line.line for line in cut.lines) == stray + b"y"


def test_the_end_of_an_invocation_does_not_break_a_frame() -> None:
    """Somebody may be in the middle of writing it."""
    cut = Cut()
    data = frame(b"whole")
    cut.feed(data[:18])
    cut.cutter.flush()
    assert cut.feed(data[18:]) == [FunctionLine(b"whole", TIME_MS)]


def test_the_end_gives_what_is_held() -> None:
    """A frame that will never be whole is a line as far as it came."""
    cut = Cut()
    cut.feed(frame(b"never whole")[:21])
    cut.cutter.close()
    assert cut.lines == [FunctionLine(b"never", TIME_MS)]


@given(st.lists(st.binary(max_size=30) | st.builds(frame, st.binary(max_size=20)), max_size=8))
def test_anything_can_be_read(pieces: list[bytes]) -> None:
    """No input stops it, and it never holds on to more than it was given."""
    cut = Cut()
    for piece in pieces:
        cut.feed(piece)
    cut.cutter.close()
    assert len(cut.cutter._held) == 0

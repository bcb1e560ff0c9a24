from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.limits import LOG_TAIL_BYTES
from runtime_api.telemetry.events import Event, FunctionLine, InitStart, Start
from runtime_api.telemetry.log.json_log import JsonLog
from runtime_api.telemetry.log.tail import LogTail


def line(data: bytes) -> Event:
    """A line the function printed."""
    return Event(0.0, FunctionLine(data))


def test_it_is_the_text_of_the_log() -> None:
    """Events without text add nothing."""
    tail = LogTail()
    for event in (Event(0.0, InitStart("f", "1")), Event(0.0, Start("id-1", "$LATEST")), line(b"hello\n")):
        tail(event)
    assert tail.text() == b"START RequestId: id-1 Version: $LATEST\nhello\n"


def test_it_is_written_as_the_log_is() -> None:
    """With the JSON format, the tail holds JSON lines."""
    tail = LogTail(JsonLog())
    tail(Event(0.0, Start("id-1", "$LATEST")))
    assert tail.text() == (
        b'{"time":"1970-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"id-1","version":"$LATEST"}}\n'
    )


def test_only_the_end_is_kept() -> None:
    """The last 4096 bytes, in the middle of a line if need be."""
    tail = LogTail()
    for number in range(2000):
        tail(line(b"%d\n" % number))
    everything = b"".join(b"%d\n" % number for number in range(2000))
    assert tail.text() == everything[-LOG_TAIL_BYTES:]
    assert LOG_TAIL_BYTES == 4096


def test_a_line_longer_than_the_tail_fills_it() -> None:
    """Its end is kept."""
    tail = LogTail()
    tail(line(b"x" * 10_000 + b"end\n"))
    assert (len(tail.text()), tail.text()[-4:]) == (4096, b"end\n")


def test_a_flood_costs_no_more_than_twice_the_limit() -> None:
    """Whatever is printed, little is held."""
    tail = LogTail()
    for _ in range(100):
        tail(line(b"x" * 300_000))
        assert len(tail._kept) <= 2 * LOG_TAIL_BYTES


def test_restart_forgets() -> None:
    """A tail begins with its own START."""
    tail = LogTail()
    tail(line(b"before\n"))
    tail.restart()
    assert tail.text() == b""
    tail(line(b"after\n"))
    assert tail.text() == b"after\n"


@given(st.lists(st.binary(max_size=3000), max_size=10))
def test_it_is_the_end_of_all_that_was_said(lines: list[bytes]) -> None:
    """For any output, the tail is the last bytes of its text."""
    tail = LogTail()
    for data in lines:
        tail(line(data))
    everything = b"".join(data if data.endswith(b"\n") else data + b"\n" for data in lines)
    assert tail.text() == everything[-LOG_TAIL_BYTES:]

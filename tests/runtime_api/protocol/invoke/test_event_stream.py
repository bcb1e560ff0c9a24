"""Frames of an event stream: the recorded bytes, and what botocore reads in them."""

from __future__ import annotations

import json
import struct
from binascii import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.invocation import Outcome, OutcomeKind, timed_out
from runtime_api.protocol.invoke.event_stream import (
    PRELUDE_BYTES,
    BadFrame,
    Frame,
    InvokeComplete,
    invoke_complete,
    payload_chunk,
    read_end,
    read_frame,
    rest_of_frame,
)

CHUNK = (
    "000000710000005a2a2eaefc0b3a6576656e742d7479706507000c5061796c6f61644368756e6b0d3a636f6e74656e742d74797065070018"
    "6170706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700056576656e747b2261223a317d87673c21"
)
COMPLETE = (
    "00000066000000541f56c8690b3a6576656e742d7479706507000e496e766f6b65436f6d706c6574650d3a636f6e74656e742d7479706507"
    "00106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b7d7006d467"
)


def complete(outcome: Outcome) -> dict[str, str]:
    """The members of the last event."""
    buffer = EventStreamBuffer()
    buffer.add_data(invoke_complete(outcome))
    value = json.loads(next(buffer).payload)
    assert isinstance(value, dict)
    return value


def test_a_piece_is_the_recorded_bytes() -> None:
    """Lengths, sums, headers and their order."""
    assert payload_chunk(b'{"a":1}').hex() == CHUNK


def test_a_good_end_is_the_recorded_bytes() -> None:
    """Nothing to say is an empty object."""
    assert invoke_complete(Outcome(OutcomeKind.SUCCESS, b"ignored")).hex() == COMPLETE


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_botocore_reads_every_piece(pieces: list[bytes]) -> None:
    """Frame after frame, whatever bytes are in them."""
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(map(payload_chunk, pieces)))
    assert [event.payload for event in buffer] == pieces


def test_an_error_is_told_at_the_end() -> None:
    """Its code, and the error as the caller of Invoke would have got it; with the log, where that was asked for."""
    outcome = timed_out("id", 3000)
    assert complete(outcome) == {"ErrorCode": "Unhandled", "ErrorDetails": outcome.body.decode()}
    logged = Outcome(OutcomeKind.SUCCESS, b"", log_tail=b"START")
    assert complete(logged) == {"LogResult": "U1RBUlQ="}


def test_an_error_need_not_be_text() -> None:
    """What is no UTF-8 is marked, and the frame is still JSON."""
    assert complete(Outcome(OutcomeKind.ERROR, b"\xff!"))["ErrorDetails"] == "\N{REPLACEMENT CHARACTER}!"


@given(st.binary(max_size=300))
def test_what_is_written_can_be_read(piece: bytes) -> None:
    """By our own client as well; the prelude says how much follows."""
    data = payload_chunk(piece)
    assert rest_of_frame(data[:PRELUDE_BYTES]) == len(data) - PRELUDE_BYTES
    frame = read_frame(data)
    assert (frame.event_type, frame.payload, frame.headers[":content-type"]) == (
        "PayloadChunk",
        piece,
        "application/octet-stream",
    )


def test_the_end_can_be_read() -> None:
    """Empty, or what went wrong."""
    assert read_end(read_frame(bytes.fromhex(COMPLETE))) == InvokeComplete()
    outcome = timed_out("id", 3000)
    assert read_end(read_frame(invoke_complete(outcome))) == InvokeComplete("Unhandled", outcome.body.decode())


@given(st.integers(0, 112), st.integers(1, 255))
def test_a_damaged_frame_is_none(place: int, damage: int) -> None:
    """Any byte that changed is noticed."""
    data = bytearray.fromhex(CHUNK)
    data[place] ^= damage
    with pytest.raises(BadFrame):
        read_frame(bytes(data))


@given(st.integers(0, 112))
def test_a_frame_that_is_cut_off_is_none(length: int) -> None:
    """Wherever the stream ended."""
    with pytest.raises(BadFrame):
        read_frame(bytes.fromhex(CHUNK)[:length])


def test_headers_that_are_no_strings_are_not_guessed() -> None:
    """They have no part in these streams."""
    lengths = struct.pack(">II", 16 + 3, 3)
    head = lengths + struct.pack(">I", crc32(lengths)) + b"\x01a\x00"
    with pytest.raises(BadFrame):
        read_frame(head + struct.pack(">I", crc32(head)))
    assert Frame({}, b"").event_type == ""

from __future__ import annotations

import pytest

from runtime_api.conformance.server_stage.event_stream import NotAnEventStream, read_stream

# Made by botocore's own encoder.
CHUNK = bytes.fromhex(
    "000000710000005a2a2eaefc0b3a6576656e742d7479706507000c5061796c6f61644368756e6b0d3a636f6e74656e742d74797065070018"
    "6170706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700056576656e747b2261223a317d87673c21"
)
COMPLETE = bytes.fromhex(
    "00000066000000541f56c8690b3a6576656e742d7479706507000e496e766f6b65436f6d706c6574650d3a636f6e74656e742d7479706507"
    "00106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b7d7006d467"
)


def test_messages_are_read() -> None:
    """Each with its kind and its payload."""
    events = read_stream(CHUNK + COMPLETE)
    assert [(event.kind, event.payload) for event in events] == [
        ("PayloadChunk", b'{"a":1}'),
        ("InvokeComplete", b"{}"),
    ]


@pytest.mark.parametrize("at", range(0, len(CHUNK), 7))
def test_a_changed_byte_is_found(at: int) -> None:
    """By one of the two checksums, or because a length cannot be."""
    changed = bytearray(CHUNK)
    changed[at] ^= 0x01
    with pytest.raises(NotAnEventStream):
        read_stream(bytes(changed))


@pytest.mark.parametrize("size", [1, 11, 15, len(CHUNK) - 1])
def test_half_a_message_is_none(size: int) -> None:
    """What is left over is told."""
    with pytest.raises(NotAnEventStream):
        read_stream(CHUNK[:size])

"""Frames of `application/vnd.amazon.eventstream`, as InvokeWithResponseStream answers with them.

Strategy: a frame is `total length | length of headers | CRC of these two | headers | payload | CRC of all before`, integers of four bytes,
big-endian. Each header is a name and a string here. There are two kinds of frame with the same headers each time, so those are made once.
Source: InvokeWithResponseStream in the Lambda API reference; the form of frames is on the Transcribe Developer Guide's page event-stream.
"""

from __future__ import annotations

import base64
import struct
from binascii import crc32

import msgspec

from runtime_api.protocol.invocation import Outcome

CONTENT_TYPE = "application/vnd.amazon.eventstream"
# Two lengths and their sum; with the sum at the end, all that is neither header nor payload.
_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
PRELUDE_BYTES = 12
_OVERHEAD_BYTES = 16
_TYPE_STRING = 7


class BadFrame(ValueError):
    """Bytes that are no frame: cut off, damaged, or of a kind that is not used here."""


class Frame(msgspec.Struct, frozen=True):
    """One event as a client reads it; header names are those on the wire."""

    headers: dict[str, str]
    payload: bytes

    @property
    def event_type(self) -> str:
        """PayloadChunk or InvokeComplete."""
        return self.headers.get(":event-type", "")


class InvokeComplete(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The last event of a stream; `log_result` is base64."""

    error_code: str | None = None
    error_details: str | None = None
    log_result: str | None = None


def payload_chunk(piece: bytes) -> bytes:
    """The frame of a piece of the answer, at most 24 MiB: clients take no more."""
    return _frame(_CHUNK_HEADERS, piece)


def invoke_complete(end: Outcome) -> bytes:
    """The frame that says how it went: empty where nothing went wrong and nobody asked for the log."""
    complete = InvokeComplete(
        "Unhandled" if end.is_function_error else None,
        end.body.decode(errors="replace") if end.is_function_error else None,
        None if end.log_tail is None else base64.b64encode(end.log_tail).decode(),
    )
    return _frame(_COMPLETE_HEADERS, msgspec.json.encode(complete))


def rest_of_frame(prelude: bytes) -> int:
    """How many bytes follow the PRELUDE_BYTES a frame begins with; raises BadFrame."""
    if len(prelude) < PRELUDE_BYTES or crc32(prelude[:8]) != _CRC.unpack(prelude[8:12])[0]:
        raise BadFrame("the stream of events is damaged, or ended within one")
    return int(_PRELUDE.unpack(prelude[:8])[0]) - PRELUDE_BYTES


def read_frame(data: bytes) -> Frame:
    """A whole frame; raises BadFrame."""
    rest_of_frame(data[:PRELUDE_BYTES])
    total, headers_length = _PRELUDE.unpack(data[:8])
    if len(data) != total or crc32(data[:-4]) != _CRC.unpack(data[-4:])[0]:
        raise BadFrame("the stream of events is damaged, or ended within one")
    payload_at = PRELUDE_BYTES + headers_length
    return Frame(_read_headers(data[PRELUDE_BYTES:payload_at]), data[payload_at:-4])


def read_end(frame: Frame) -> InvokeComplete:
    """What the last event says."""
    return msgspec.json.decode(frame.payload, type=InvokeComplete)


def _read_headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    while data:
        name, data = data[1 : 1 + data[0]].decode(), data[1 + data[0] :]
        if data[:1] != bytes([_TYPE_STRING]):
            raise BadFrame(f"the header {name} of an event is not a string")
        length = int.from_bytes(data[1:3], "big")
        headers[name], data = data[3 : 3 + length].decode(), data[3 + length :]
    return headers


def _frame(headers: bytes, payload: bytes) -> bytes:
    lengths = _PRELUDE.pack(_OVERHEAD_BYTES + len(headers) + len(payload), len(headers))
    head = lengths + _CRC.pack(crc32(lengths)) + headers
    return b"".join((head, payload, _CRC.pack(crc32(payload, crc32(head)))))


def _headers(event_type: str, content_type: str) -> bytes:
    values = {":event-type": event_type, ":content-type": content_type, ":message-type": "event"}
    return b"".join(
        struct.pack(
            f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), _TYPE_STRING, len(value), value.encode()
        )
        for name, value in values.items()
    )


_CHUNK_HEADERS = _headers("PayloadChunk", "application/octet-stream")
_COMPLETE_HEADERS = _headers("InvokeComplete", "application/json")

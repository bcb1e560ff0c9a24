"""The event stream that streamed answers come in, read strictly: lengths, both checksums, headers.

Each message is its length, the length of its headers, a CRC-32 of these eight bytes, the headers, the payload, and a CRC-32 of all
before it; numbers are big-endian. Source: the Lambda API reference's page of InvokeWithResponseStream, and the event stream encoding of
AWS's SDKs.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

_PRELUDE_BYTES = 12
_STRING = 7


class NotAnEventStream(ValueError):
    """Bytes that are no whole number of well-formed messages."""


@dataclass(frozen=True)
class StreamEvent:
    """One message. `end` is where it ends, in bytes from the beginning of the stream."""

    headers: dict[str, str]
    payload: bytes
    end: int

    @property
    def kind(self) -> str:
        """Its event type, or the type of the exception it is."""
        return self.headers.get(":event-type") or self.headers.get(":exception-type") or ""


def read_stream(data: bytes) -> list[StreamEvent]:
    """The messages. Raises NotAnEventStream."""
    events = []
    at = 0
    while at < len(data):
        events.append(_message(data, at))
        at = events[-1].end
    return events


def _message(data: bytes, at: int) -> StreamEvent:
    if len(data) - at < _PRELUDE_BYTES + 4:
        raise NotAnEventStream(f"{len(data) - at} bytes are left over at byte {at}")
    total, headers_size, checksum = struct.unpack_from(">III", data, at)
    if checksum != zlib.crc32(data[at : at + 8]):
        raise NotAnEventStream(f"the checksum of the prelude at byte {at} is wrong")
    end = at + total
    if total < _PRELUDE_BYTES + headers_size + 4 or end > len(data):
        raise NotAnEventStream(
            f"the message at byte {at} says it has {total} bytes, of which {len(data) - at} are there"
        )
    if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(data[at : end - 4]):
        raise NotAnEventStream(f"the checksum of the message at byte {at} is wrong")
    start = at + _PRELUDE_BYTES
    return StreamEvent(_headers(data[start : start + headers_size]), data[start + headers_size : end - 4], end)


def _headers(data: bytes) -> dict[str, str]:
    found = {}
    try:
        while data:
            size = data[0]
            name, kind = data[1 : 1 + size].decode(), data[1 + size]
            if kind != _STRING:
                raise NotAnEventStream(f"header {name} is of type {kind}, not a string")
            (length,) = struct.unpack_from(">H", data, 2 + size)
            found[name] = data[4 + size : 4 + size + length].decode()
            data = data[4 + size + length :]
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise NotAnEventStream(f"the headers cannot be read: {error}") from None
    return found

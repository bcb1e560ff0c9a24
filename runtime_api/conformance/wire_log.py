"""The wire log: every byte both ways with its time, for the reader of a failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SENT, RECEIVED, OPENED, CLOSED, NOTE = "<", ">", "+", "-", "·"
_KEPT_BYTES = 1500
# Of either end of a log: a runtime that asks without end fills no disk.
_SHOWN_EVENTS = 5000
_INDENT = " " * 17


@dataclass(frozen=True)
class WireEvent:
    """Something on a connection; `size` counts all the bytes, of which `data` are the first."""

    at_ms: float
    connection: int
    direction: str
    data: bytes
    size: int

    @classmethod
    def of(cls, at_ms: float, connection: int, direction: str, data: bytes) -> WireEvent:
        """The event of these bytes, which may be many."""
        return cls(at_ms, connection, direction, data[:_KEPT_BYTES], len(data))


def render(events: Sequence[WireEvent]) -> str:
    """The log as text: seconds, number of the connection, direction, bytes with everything unprintable escaped.

    Of a very long one, the middle is left out.
    """
    left_out = len(events) - 2 * _SHOWN_EVENTS
    if left_out <= 0:
        return _lines(events)
    return f"{_lines(events[:_SHOWN_EVENTS])}{'':9} … {left_out} more …\n{_lines(events[-_SHOWN_EVENTS:])}"


def _lines(events: Iterable[WireEvent]) -> str:
    return "".join(f"{event.at_ms / 1000:9.4f} {_who(event)} {_what(event)}\n" for event in events)


def _who(event: WireEvent) -> str:
    return f"{'#' + str(event.connection) if event.connection else '':>4} {event.direction}"


def _what(event: WireEvent) -> str:
    if event.direction == OPENED:
        return "connected"
    if event.direction == CLOSED:
        return f"closed {event.data.decode() or 'by the other side'}"
    if event.direction == NOTE:
        return event.data.decode("utf-8", "replace")
    more = f" … ({event.size} bytes)" if event.size > len(event.data) else ""
    escaped = event.data.decode("latin-1").encode("unicode_escape").decode()
    return escaped.replace("\\r\\n", f"\n{_INDENT}").rstrip() + more

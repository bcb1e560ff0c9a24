"""The framed log descriptor (`_LAMBDA_TELEMETRY_LOG_FD`): managed runtimes write one frame for each log event, whatever lines it has.

    u32 type | u32 length | u64 microseconds since the epoch, when the type says so | the event's bytes        (big-endian)

The type is a55a0000, plus level << 2, plus 2 when there is a moment, plus 1 when it is text and not JSON.
Strategy: an incremental parser that holds a header at most and one event, no longer than a log event may be: what a frame has beyond is
passed on as further lines. Bytes that are no frame are passed on as lines as well, up to where the next frame begins.
Source: the open-source runtime clients of AWS that write it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from runtime_api.protocol.function.log_levels import LogLevel
from runtime_api.telemetry.events import FunctionLine

# One CloudWatch event holds 256 KiB.
EVENT_LIMIT_BYTES = 256 * 1024
_MARK = b"\xa5\x5a\x00"
_HAS_TIME = 0b10
_LAST_KIND = LogLevel.FATAL << 2 | 0b11
# No calendar goes further: a frame that says so does not know the time.
_YEAR_9999_US = 253_370_764_800_000_000
_HEAD = struct.Struct(">II")
_TIME = struct.Struct(">Q")


class FrameCutter:
    """Cuts what a runtime writes into log events; `on_line` gets each, in order."""

    def __init__(self, on_line: Callable[[FunctionLine], None]) -> None:
        self._on_line = on_line
        self._held = bytearray()
        self._left = 0
        self._level: LogLevel | None = None
        self._time_ms: float | None = None

    def feed(self, data: bytes) -> None:
        """The next bytes of the pipe."""
        self._held += data
        while self._held and self._step():
            pass

    def flush(self) -> None:
        """An invocation is over. Its frames are whole: one that is not belongs to somebody who is still writing it."""

    def close(self) -> None:
        """Nothing more is on its way: what is held is a line, however it was meant."""
        if self._held:
            self._emit(len(self._held))
        self._left = 0

    def _step(self) -> bool:
        if self._left:
            return self._take_event()
        return self._take_head() if _may_be_frame(self._held) else self._take_stray()

    def _take_head(self) -> bool:
        if len(self._held) < _HEAD.size:
            return False
        kind, length = _HEAD.unpack_from(self._held)
        size = _HEAD.size + (_TIME.size if kind & _HAS_TIME else 0)
        if len(self._held) < size:
            return False
        self._time_ms = _moment(_TIME.unpack_from(self._held, _HEAD.size)[0]) if kind & _HAS_TIME else None
        self._level = _level(kind)
        self._left = length
        del self._held[:size]
        return True

    def _take_event(self) -> bool:
        size = min(self._left, EVENT_LIMIT_BYTES)
        if len(self._held) < size:
            return False
        self._left -= size
        self._emit(size)
        return True

    def _take_stray(self) -> bool:
        self._time_ms = self._level = None
        ends = [end for end in (self._held.find(_MARK, 1), self._held.find(b"\n") + 1) if end > 0]
        if not ends and len(self._held) < EVENT_LIMIT_BYTES:
            return False
        self._emit(min(ends, default=EVENT_LIMIT_BYTES))
        return True

    def _emit(self, size: int) -> None:
        line = bytes(self._held[:size])
        del self._held[:size]
        self._on_line(FunctionLine(line, self._time_ms, self._level))


def _may_be_frame(held: bytearray) -> bool:
    if len(held) < len(_MARK):
        return _MARK.startswith(held)
    return held.startswith(_MARK) and (len(held) == len(_MARK) or held[len(_MARK)] <= _LAST_KIND)


def _level(kind: int) -> LogLevel | None:
    number = (kind & 0xFF) >> 2
    return LogLevel(number) if number else None


def _moment(microseconds: int) -> float | None:
    return microseconds / 1000 if microseconds < _YEAR_9999_US else None

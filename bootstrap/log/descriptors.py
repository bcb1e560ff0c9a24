"""Descriptors: log places that are file descriptors, written to as a whole whoever else writes.

A frame is `u32 type | u32 length | u64 microseconds since the epoch | text`, big-endian, which is how the runtimes of
AWS hand multi-line events to the platform.
"""

import os
import time
from _thread import RLock

from ..logs import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..logs import Place

TEXT_FRAME = 0xA55A_0003
JSON_FRAME = 0xA55A_0002
LEVEL_MAX = 50


class Lines:
    """A descriptor that takes text as it is; what it does not take is lost, as a closed stdout loses it."""

    line_end = "\r"

    def __init__(self, fd: int) -> None:
        self._descriptor = _Descriptor(fd)

    def put(self, text: str, level: int) -> None:
        try:
            self._descriptor.write(_encode(text))
        except OSError:
            return  # a log line is not worth the process


class Frames:
    """A descriptor that takes frames; should it be of no use another place takes over, with one complaint."""

    line_end = "\n"

    def __init__(self, fd: str, frame_type: int, instead: "Place") -> None:
        self._type = frame_type
        self._instead = instead
        self._descriptor: _Descriptor | None = None
        try:
            os.set_inheritable(int(fd), False)
            self._descriptor = _Descriptor(int(fd))
        except (ValueError, OverflowError, OSError) as error:
            complain(f"the log descriptor {fd!r} cannot be used: {error}")

    def put(self, text: str, level: int) -> None:
        if self._descriptor is not None:
            try:
                self._descriptor.write(_frame(self._type, text, level))
                return
            except OSError as error:
                self._descriptor = None
                complain(f"the log descriptor broke: {error}")
        self._instead.put(text, level)


class _Descriptor:
    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._renew_lock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def write(self, data: bytes) -> None:
        """Write all of it, also where a pipe takes it in parts. Raises OSError."""
        rest = memoryview(data)
        with self._lock:
            while rest:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:
                    _wait_for_room(self._fd)

    def _renew_lock(self) -> None:
        """A thread that held it does not exist in a forked child; a signal handler may log while a line is written."""
        self._lock = RLock()


def _frame(frame_type: int, text: str, level: int) -> bytes:
    data = _encode(text)
    number = frame_type | (min(level, LEVEL_MAX) // 10 + 1) * 4 if level >= 10 else frame_type
    return (number << 96 | len(data) << 64 | time.time_ns() // 1000).to_bytes(16, "big") + data


def _wait_for_room(fd: int) -> None:
    from ..surroundings.library import StandardLibrary  # few writes ever wait

    with StandardLibrary():
        import select
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")

"""What a sandbox prints: one pipe for standard output and standard error, cut into lines, or one for framed log events.

Strategy: read when the event loop says so, and `drain` at the moments order matters: whatever was written before the runtime's
answer is in the pipe by then, and a pipe holds no more than `PIPE_BYTES`, so a drain is bounded even while somebody keeps writing.
The pipe outlives the runtime for as long as a grandchild holds it open; closing our end ends that.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol

PIPE_BYTES = 64 * 1024
# One CloudWatch event holds 256 KiB; a longer line becomes several.
LINE_LIMIT_BYTES = 256 * 1024


class Cutter(Protocol):
    """Makes log events of the bytes of a pipe."""

    def feed(self, data: bytes) -> None:
        """The next bytes."""

    def flush(self) -> None:
        """An invocation is over: what belongs to it is out."""

    def close(self) -> None:
        """Nothing more is on its way."""


class LineCutter:
    """Cuts at line feeds. `on_line` gets each line with its line feed, or without one where it was cut or unfinished."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._partial = bytearray()

    def feed(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._partial += line
            self._partial += b"\n"
            self.flush()
        self._partial += rest
        if len(self._partial) >= LINE_LIMIT_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._partial:
            line = bytes(self._partial)
            self._partial.clear()
            self._on_line(line)

    def close(self) -> None:
        self.flush()


class Output:
    """The reading end of a pipe, whose bytes a cutter gets."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self._read_fd, self.write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_fd, self._read)

    def started(self) -> None:
        """The sandbox has the writing end now; ours is closed, so that the end of output can be seen."""
        os.close(self.write_fd)
        self.write_fd = -1

    def drain(self) -> None:
        """Read what is in the pipe now, and let an unfinished line be a line."""
        left = PIPE_BYTES
        while left > 0:
            size = self._read()
            if not size:
                break
            left -= size
        self._cutter.flush()

    def close(self) -> None:
        """Stop reading, and close the pipe."""
        if self.write_fd >= 0:
            self.started()
        if self._read_fd >= 0:
            self._cutter.close()
            self._stop_reading()

    def _read(self) -> int:
        if self._read_fd < 0:
            return 0
        try:
            data = os.read(self._read_fd, PIPE_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self._stop_reading()
        self._cutter.feed(data)
        return len(data)

    def _stop_reading(self) -> None:
        self._loop.remove_reader(self._read_fd)
        os.close(self._read_fd)
        self._read_fd = -1

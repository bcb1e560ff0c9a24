"""What a process prints: read at once, kept up to a limit, counted in full."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

KEPT_BYTES = 4 * 1024 * 1024
FLOOD_BYTES = 64 * 1024 * 1024
_READ_BYTES = 256 * 1024


class OutputPipe:
    """One pipe. `write_fd` is for the process, and closed here once that has it.

    `changed` is called when there is more of it, `flooded` when it prints without end.
    """

    def __init__(self, changed: Callable[[], None], flooded: Callable[[], None]) -> None:
        self._changed = changed
        self._flooded = flooded
        self._kept = bytearray()
        self.size = 0
        self._read_fd, self.write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        asyncio.get_running_loop().add_reader(self._read_fd, self._read)

    @property
    def kept(self) -> bytes:
        """The first KEPT_BYTES of what was printed."""
        return bytes(self._kept)

    def started(self) -> None:
        """The process has its end now, or there will be none."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def drain(self) -> int:
        """Read what is there now; how much was printed in all."""
        while self._read_fd >= 0 and self._read():
            pass
        return self.size

    def close(self) -> None:
        """Read the rest and let go."""
        self.started()
        self.drain()
        self._close()

    def _read(self) -> bool:
        try:
            data = os.read(self._read_fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        self._changed()
        self.size += len(data)
        self._kept += data[: max(0, KEPT_BYTES - len(self._kept))]
        if self.size > FLOOD_BYTES:
            self._close()
            self._flooded()
            return False
        return True

    def _close(self) -> None:
        if self._read_fd >= 0:
            asyncio.get_running_loop().remove_reader(self._read_fd)
            with contextlib.suppress(OSError):
                os.close(self._read_fd)
            self._read_fd = -1

"""Function logs on standard error.

Strategy: a thread of its own writes, for a pipe or terminal that nobody reads blocks its writer, and the event loop must never be the
one. What comes within a few milliseconds goes out in one piece. What cannot be written for long enough is dropped, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sys
from threading import Thread

_GATHER_S = 0.02
_CLOSE_LIMIT_S = 1.0
_PIECES = 1000


class SaidByPlatform(logging.Handler):
    """Has what the platform logs itself written the same way."""

    def __init__(self, log: StderrLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.say(self.format(record))


class StderrLog:
    """A log sink for functions of these names: plain lines for one, each line behind its function's name for several."""

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names)) if len(names) > 1 else 0
        self._gathered: list[bytes] = []
        self._dropped_bytes = 0
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_PIECES)
        self._writer = Thread(target=self._write, name="pilotlight log", daemon=True)
        self._writer.start()

    def __call__(self, name: str, text: bytes) -> None:
        if not self._gathered:
            asyncio.get_running_loop().call_later(_GATHER_S, self._hand_over)
        # Runtimes join the lines of one log event by carriage returns; on a terminal they would overwrite each other.
        lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
        if self._width:
            prefix = f"{name:<{self._width}} | ".encode()
            lines = b"".join(prefix + line for line in lines.splitlines(keepends=True))
        self._gathered.append(lines)

    def say(self, line: str) -> None:
        """Write a line of the platform's own, from whichever thread."""
        with contextlib.suppress(queue.Full):
            self._pieces.put_nowait(f"{line}\n".encode(errors="replace"))

    def close(self) -> None:
        """Write what is left; a reader that stays away is waited for a second and no longer."""
        self._hand_over()
        with contextlib.suppress(queue.Full):
            self._pieces.put(None, timeout=_CLOSE_LIMIT_S)
            self._writer.join(_CLOSE_LIMIT_S)

    def _hand_over(self) -> None:
        piece = b"".join(self._gathered)
        self._gathered.clear()
        if self._dropped_bytes:
            piece = b"pilotlight: %d bytes of log were dropped: nobody read them\n" % self._dropped_bytes + piece
        try:
            self._pieces.put_nowait(piece)
            self._dropped_bytes = 0
        except queue.Full:
            self._dropped_bytes += len(piece)

    def _write(self) -> None:
        while (piece := self._pieces.get()) is not None:
            # When nobody reads our standard error any more, the functions go on without.
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.buffer.write(piece)
                sys.stderr.buffer.flush()

"""Function logs on standard error."""

from __future__ import annotations

import asyncio
import contextlib
import sys

_GATHER_S = 0.005


class StderrLog:
    """A log sink for functions of these names: plain lines for one, each line behind its function's name for several.

    What comes within a few milliseconds goes out in one piece; `flush` at the end, so that nothing stays behind.
    """

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names)) if len(names) > 1 else 0
        self._pending: list[bytes] = []

    def __call__(self, name: str, text: bytes) -> None:
        if not self._pending:
            asyncio.get_running_loop().call_later(_GATHER_S, self.flush)
        # Runtimes join the lines of one log event by carriage returns; on a terminal they would overwrite each other.
        lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
        if self._width:
            prefix = f"{name:<{self._width}} | ".encode()
            lines = b"".join(prefix + line for line in lines.splitlines(keepends=True))
        self._pending.append(lines)

    def flush(self) -> None:
        """Write what is pending; when nobody reads our standard error any more, the functions go on without."""
        pending, self._pending = self._pending, []
        with contextlib.suppress(OSError):
            sys.stderr.buffer.write(b"".join(pending))
            sys.stderr.buffer.flush()

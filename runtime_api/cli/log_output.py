"""Function logs on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable


def stderr_log(names: list[str]) -> Callable[[str, bytes], None]:
    """A log sink: plain lines for one function, each line behind its function's name for several."""
    width = max(map(len, names))

    def write(name: str, text: bytes) -> None:
        # Runtimes join the lines of one log event by carriage returns; on a terminal they would overwrite each other.
        lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if len(names) > 1:
            prefix = f"{name:<{width}} | ".encode()
            lines = b"".join(prefix + line for line in lines.splitlines(keepends=True))
        try:
            sys.stderr.buffer.write(lines)
            sys.stderr.buffer.flush()
        except OSError:
            # Nobody reads our standard error any more: the functions go on.
            return

    return write

"""A function's answer on standard output."""

from __future__ import annotations

import os
import sys


def print_result(body: bytes) -> None:
    """The bytes as they are, and a line feed when they end without; when nobody reads them, nothing is said.

    Raises OSError when they cannot be written.
    """
    try:
        sys.stdout.buffer.write(body if body.endswith(b"\n") else body + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would say so if that failed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

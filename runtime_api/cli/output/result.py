"""A function's answer on standard output."""

from __future__ import annotations

import base64
import os
import sys


def print_result(body: bytes) -> None:
    """The bytes as they are, and a line feed when they end without; when nobody reads them, nothing is said.

    Raises OSError when they cannot be written.
    """
    print_piece(body if body.endswith(b"\n") else body + b"\n")


def print_piece(piece: bytes) -> None:
    """A piece of an answer, at once; when nobody reads it, nothing is said. Raises OSError when it cannot be written."""
    try:
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would say so if that failed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_tail(log_result: str) -> None:
    """The end of the log, as the API gives it in base64, on standard error."""
    sys.stderr.buffer.write(base64.b64decode(log_result).replace(b"\r", b"\n"))
    sys.stderr.buffer.flush()

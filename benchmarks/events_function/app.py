"""Writes the number of each event it is given into a journal, on a line of its own."""

import os
import time

_journal = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_pause_s = float(os.environ.get("PAUSE", "0"))


def handler(event: dict[str, int], _context: object) -> None:
    """Take note, and be busy for as long as it is told."""
    os.write(_journal, b"%07d\n" % event["number"])
    time.sleep(_pause_s)

"""The console script's first lines: what must hold before anything else is imported."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line."""
    # Ctrl-C while modules are being imported: there is nothing to clean up yet, and nobody wants a traceback.
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(130))
    _open_standard_streams()
    from runtime_api.cli.main import run

    run()


def _open_standard_streams() -> None:
    # A closed one would be given, as a number, to the next pipe or socket, and then written to.
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(fd, mode, closefd=False))

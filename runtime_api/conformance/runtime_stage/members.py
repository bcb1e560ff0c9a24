"""Which processes belong to a started command: its tree, its session, and whoever carries its mark, however far it went."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import psutil

_PR_SET_CHILD_SUBREAPER = 36


def members_of(leader: int, mark: str) -> set[int]:
    """The processes that live of what a session leader started. `mark`: a value of its environment that nobody else has."""
    found = set(_marked(mark.encode())) if sys.platform == "linux" else set(_marked_by_psutil(mark))
    with contextlib.suppress(psutil.Error):
        found.update(child.pid for child in psutil.Process(leader).children(recursive=True))
    return found - {os.getpid()}


def _marked(mark: bytes) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read():
                    yield int(name)


def _marked_by_psutil(mark: str) -> Iterator[int]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if mark in process.environ().values():
                yield process.pid


@contextlib.contextmanager
def no_orphans() -> Iterator[None]:
    """End every process that comes to be below this one, but for what is below the children it has already.

    Within it we are, where the system lets us, the parent of whatever loses its own below us: then nothing can hide.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    others = {child.pid for child in psutil.Process().children()}
    try:
        yield
    finally:
        _end_children(others)


def _end_children(others: set[int]) -> None:
    for child in psutil.Process().children():
        if child.pid not in others:
            below: list[psutil.Process] = []
            with contextlib.suppress(psutil.Error):
                below = child.children(recursive=True)
            for process in (*below, child):
                with contextlib.suppress(psutil.Error):
                    process.kill()

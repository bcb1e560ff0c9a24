"""Which processes belong to a started command: its tree, its session, and whoever carries its mark, however far it went."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from itertools import chain

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
# What even SIGKILL does not end is not waited for.
_END_S = 5.0


def members_of(leader: int | None, mark: str) -> set[int]:
    """The processes that live of what a session leader started; None for one that is over, whose pid may be another's by now.

    `mark`: a value of its environment that nobody else has.
    """
    found = set(_marked(mark.encode())) if sys.platform == "linux" else set(_marked_by_psutil(mark))
    if leader is not None:
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
    others = {child.pid for child in psutil.Process().children()}
    was_reaper = _is_subreaper()
    _set_subreaper(True)
    try:
        yield
    finally:
        _end_children(others)
        _set_subreaper(was_reaper)


def _is_subreaper() -> bool:
    found = ctypes.c_int(0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(found), 0, 0, 0)
    return bool(found.value)


def _set_subreaper(on: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0)


def _end_children(others: set[int]) -> None:
    # What has lost its parent by the end of one round is our child in the next.
    while children := [child for child in psutil.Process().children() if child.pid not in others]:
        for process in [*chain.from_iterable(map(_below, children)), *children]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        _, left = psutil.wait_procs(children, timeout=_END_S)
        if left:
            return


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []

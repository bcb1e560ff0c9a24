"""Which processes belong together: trees, and what fell off them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable

import psutil


def with_descendants(roots: Iterable[int]) -> list[int]:
    """The processes that live of `roots` and of all they started, parents first."""
    if sys.platform != "linux":
        return _with_descendants_by_psutil(roots)
    found: list[int] = []
    for root in roots:
        found.append(root)
        found += with_descendants(children_of(root))
    return found


def children_of(pid: int) -> list[int]:
    """The children of all threads of a process; none when it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def _with_descendants_by_psutil(roots: Iterable[int]) -> list[int]:
    found: list[int] = []
    for root in roots:
        with contextlib.suppress(psutil.Error):
            found += [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
    return found


def has_variable(pid: int, name: str, value: str) -> bool:
    """Whether a process was started with this environment variable; False for one that is gone or not ours to look at."""
    try:
        return bool(psutil.Process(pid).environ().get(name) == value)
    except (psutil.Error, OSError):
        return False


def is_in_group_of(pid: int, leaders: Iterable[int]) -> bool:
    """Whether a process is in the process group one of `leaders` leads."""
    try:
        return os.getpgid(pid) in set(leaders)
    except OSError:
        return False


def anonymous_bytes(pids: Iterable[int]) -> int:
    """The memory of processes that no file backs; where the system does not tell them apart, all of it."""
    return sum(map(_anonymous_bytes, pids))


def _anonymous_bytes(pid: int) -> int:
    try:
        if sys.platform != "linux":
            return int(psutil.Process(pid).memory_info().rss)
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except (psutil.Error, OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")

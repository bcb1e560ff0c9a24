"""Stopping processes that go on starting others: one look after the other, until looks find nobody that runs.

A stop takes effect when its process next comes by the kernel, and one that was in the middle of starting another finishes that first. So
a look is quiet only when nobody is new and everybody has come to rest; and since a look is no snapshot, one quiet look is not enough.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable

# Some ten milliseconds: a fork bomb, or a machine too busy to stop anybody, must not hold the platform.
_MOST_LOOKS, _QUIET_LOOKS = 400, 2
# Stopped, traced, dead, or waiting for a disk: a process in such a wait starts nobody after it.
_AT_REST = "TtZXD"


def stop_all(
    members: Callable[[], Iterable[int]],
    send: Callable[[int, int], None] = os.kill,
    state: Callable[[int], str] | None = None,
) -> set[int]:
    """SIGSTOP for every process `members()` tells of; who was stopped. `state` is a letter as ps has it."""
    state = state or _state
    stopped: set[int] = set()
    quiet = 0
    for _ in range(_MOST_LOOKS):
        running = [pid for pid in members() if pid not in stopped]
        for pid in running:
            _signal(send, pid, signal.SIGSTOP)
        stopped.update(running)
        is_quiet = not running and all(state(pid) in _AT_REST for pid in stopped)
        quiet = quiet + 1 if is_quiet else 0
        if quiet == _QUIET_LOOKS:
            break
        _let_others_run()
    return stopped


def continue_all(pids: Iterable[int], send: Callable[[int, int], None] = os.kill) -> None:
    """SIGCONT for each; who is gone is left out."""
    for pid in pids:
        _signal(send, pid, signal.SIGCONT)


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # After the name, which may hold anything.
            return chr(file.read().rpartition(b") ")[2][0])
    except (OSError, IndexError):
        # gone, or a system that does not say
        return "X"


def _let_others_run() -> None:
    if hasattr(os, "sched_yield"):
        os.sched_yield()

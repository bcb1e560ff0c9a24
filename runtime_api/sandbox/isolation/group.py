"""A started program and the process group it leads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Callable

from runtime_api.sandbox.isolation.keeper import Keeper


class ProcessGroup:
    """A program and everything it starts. `exited` is done, with subprocess's return code, once the program has ended.

    `on_reaped` is called when nothing of it is left to wait for.
    """

    def __init__(
        self, keeper: Keeper, pid: int, exited: asyncio.Future[int], on_reaped: Callable[[ProcessGroup], None]
    ) -> None:
        self.pid = pid
        self.exited = exited
        self._keeper = keeper
        self._on_reaped = on_reaped
        self._pidfd = _pidfd(pid)
        self._end = select.poll()
        if self._pidfd >= 0:
            self._end.register(self._pidfd, select.POLLIN)
        self._reaped = False

    def kill(self) -> None:
        """SIGKILL for the whole group. Until `reap` the group's number cannot be somebody else's; after it nothing is sent."""
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM for the whole group, which may then end in its own way."""
        self._send(signal.SIGTERM)

    def has_ended(self) -> bool:
        """Whether the program is gone, told of or not."""
        if self.exited.done() or self._pidfd < 0:
            return self.exited.done()
        return bool(self._end.poll(0))

    async def reap(self) -> None:
        """Wait for the program's end, and clear what is left of it."""
        await asyncio.shield(self.exited)
        if not self._reaped:
            self.kill()
            self._keeper.reap(self.pid)
            self._reaped = True
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1
            self._on_reaped(self)

    def _send(self, number: int) -> None:
        if self._reaped:
            return
        # macOS says EPERM for a group of zombies
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1

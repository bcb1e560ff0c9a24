"""Isolation `process`: plain child processes in the folders they are in, with a folder of their own for TMPDIR.

What it does not give: /tmp is the machine's and has no size, /opt and /var/task are found through variables only, nothing is
read-only, and the user is the platform's.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterable

import psutil

from runtime_api.protocol.names import ENV_RUNTIME_API
from runtime_api.sandbox.isolation.keeper import Keeper, Order
from runtime_api.sandbox.isolation.members import has_variable, is_in_group_of
from runtime_api.sandbox.surroundings.folders import Folders


class PlainIsolation:
    """The folders of one place; `folders.tmp` is removed with it."""

    tmpfs_mb = 0

    def __init__(self, keeper: Keeper, folders: Folders) -> None:
        self.folders = folders
        self._keeper = keeper
        self._runtime_apis: set[str] = set()

    def order(self, argv: tuple[str, ...], environment: dict[str, str]) -> Order:
        """How a program is started here."""
        if ENV_RUNTIME_API in environment:
            self._runtime_apis.add(environment[ENV_RUNTIME_API])
        return Order(argv, self.folders.task_root, environment)

    def strays(self, leaders: Iterable[int]) -> list[int]:
        """Processes of the place that nobody waits for: in the group of a leader, or marked by the address of their Runtime API.

        No two sandboxes that live at a time share an address, and nobody else's processes are the keeper's.
        """
        leaders = list(leaders)
        return [pid for pid in self._adopted() if is_in_group_of(pid, leaders) or self._is_marked(pid)]

    def _adopted(self) -> list[int]:
        return self._keeper.adopted() if sys.platform == "linux" else psutil.pids()

    def _is_marked(self, pid: int) -> bool:
        return any(has_variable(pid, ENV_RUNTIME_API, address) for address in self._runtime_apis)

    def forget_marks(self) -> None:
        """Everybody is gone: the next sandbox has another address."""
        self._runtime_apis.clear()

    async def close(self) -> None:
        """Remove the folder for temporary files."""
        if self.folders.tmp is not None:
            await asyncio.to_thread(shutil.rmtree, self.folders.tmp, ignore_errors=True)

"""A place in an isolation: programs are started in it, limited, watched, frozen, and cleared away.

Strategy: the isolation says how a program is started and which processes nobody waits for; a cgroup, where there is one, limits and
knows them all; what is left is done here for both. When the last program of a place is reaped, whoever else is there is killed: the
state of processes does not outlive a sandbox, folders do.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import Protocol

import msgspec

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.isolation.cgroups import Cgroup
from runtime_api.sandbox.isolation.freezing import continue_all, stop_all
from runtime_api.sandbox.isolation.group import ProcessGroup
from runtime_api.sandbox.isolation.keeper import Keeper, Order
from runtime_api.sandbox.isolation.members import anonymous_bytes, with_descendants
from runtime_api.sandbox.isolation.memory_watch import MemoryWatch
from runtime_api.sandbox.memory import PeakMemory
from runtime_api.sandbox.surroundings.environment import log_stream_name
from runtime_api.sandbox.surroundings.folders import Folders
from runtime_api.sandbox.surroundings.runtimes import Launch

_MIB = 1 << 20
# As the service's own supervisor has it: this file switches extensions off.
DISABLING_FILE = "disable-extensions-jwigqn8j"


class Isolation(Protocol):
    """How the processes of one place are kept apart; `tmpfs_mb` of its files may be in memory."""

    folders: Folders
    tmpfs_mb: int

    def order(self, argv: tuple[str, ...], environment: dict[str, str]) -> Order:
        """How a program is started."""

    def strays(self, leaders: Iterable[int]) -> list[int]:
        """Processes of the place that have lost their parents."""

    def forget_marks(self) -> None:
        """Nobody is left of those started so far."""

    async def close(self) -> None:
        """Leave nothing of it."""


class IsolatedPlace:
    """The place of one sandbox after the other, with one log stream and one /tmp."""

    def __init__(
        self, function: Function, clock: Clock, keeper: Keeper, isolation: Isolation, cgroup: Cgroup | None
    ) -> None:
        self.log_stream = log_stream_name(clock.time_ms(), function.version)
        self.folders = isolation.folders
        self._function = function
        self._keeper = keeper
        self._isolation = isolation
        self._cgroup = cgroup
        self._groups: dict[ProcessGroup, PeakMemory] = {}
        self._stopped: set[int] = set()
        self._overran = False
        self._kills_before = 0
        self._peak_mb = 0
        self._limit_bytes = function.memory_mb * _MIB
        self._watch = MemoryWatch(clock, self._used_bytes, self._limit_bytes, self._overrun)

    def start(
        self, launch: Launch, environment: dict[str, str], output_fd: int, pass_fds: tuple[int, ...] = ()
    ) -> ProcessGroup:
        """Start a program in a process group of its own; `pass_fds` are there under the same numbers. Raises LaunchFailed."""
        if not self._groups:
            self._begin_life()
        order = self._isolation.order(launch.argv, environment)
        if self._cgroup is not None:
            order = msgspec.structs.replace(order, cgroup=self._cgroup.born_in, join=self._cgroup.join)
        order = msgspec.structs.replace(order, keep=pass_fds)
        pid, exited = self._keeper.start(order, (output_fd, *pass_fds))
        group = ProcessGroup(self._keeper, pid, exited, self._reaped)
        self._groups[group] = PeakMemory(pid)
        return group

    def _begin_life(self) -> None:
        self._overran = False
        self._peak_mb = 0
        if self._cgroup is not None:
            self._kills_before = self._cgroup.out_of_memory_kills()
        self._watch_memory()

    def _watch_memory(self) -> None:
        if self._cgroup is None or not self._cgroup.limits_memory or self._isolation.tmpfs_mb:
            self._watch.start()

    def _reaped(self, group: ProcessGroup) -> None:
        self._groups.pop(group).close()
        if not self._groups:
            self._watch.stop()
            self._kill_members()
            self._isolation.forget_marks()

    def extensions(self) -> list[str]:
        """The names of the external extensions, in order: the files directly in /opt/extensions."""
        layers = self.folders.layers
        if layers is None or os.path.lexists(os.path.join(layers, DISABLING_FILE)):
            return []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return sorted(entry.name for entry in os.scandir(os.path.join(layers, "extensions")) if not entry.is_dir())
        return []

    def freeze(self) -> None:
        """Stop every process, and whoever is being started at this moment; the time is then not theirs."""
        self._watch.stop()
        if self._cgroup is not None and self._cgroup.freezes:
            self._cgroup.freeze(True)
        else:
            self._stopped |= stop_all(self.members)

    def thaw(self) -> None:
        """Let every process go on."""
        if self._cgroup is not None and self._cgroup.freezes:
            self._cgroup.freeze(False)
        else:
            continue_all(self._stopped)
            self._stopped.clear()
        if self._groups:
            self._watch_memory()

    def limit_cpu(self) -> None:
        """With `cpu_share`, from here on no more CPU than the memory buys, where cgroups can; init has all there is, as in the service."""
        if self._cgroup is not None and self._function.cpu_share:
            self._cgroup.limit_cpu(self._function.memory_mb)

    def ran_out_of_memory(self) -> bool:
        """Whether a process of this life was killed for want of memory."""
        return self._overran or (self._cgroup is not None and self._cgroup.out_of_memory_kills() > self._kills_before)

    def peak_memory_mb(self) -> int:
        """The most memory the sandbox that lives here has used, in whole MB, and never more than it may use."""
        self._peak_mb = max(self._peak_mb, sum([memory.peak_mb() for memory in self._groups.values()]))
        # Asked with each report: what is not cheap is left for the end.
        if any(group.has_ended() for group in self._groups) and self.ran_out_of_memory():
            self._peak_mb = self._function.memory_mb
        return min(self._peak_mb, self._function.memory_mb)

    async def close(self) -> None:
        """Leave nothing of it."""
        self._watch.stop()
        for group in list(self._groups):
            group.kill()
        for group in list(self._groups):
            await group.reap()
        self._kill_members()
        await self._isolation.close()
        if self._cgroup is not None:
            await self._cgroup.remove()

    def members(self) -> list[int]:
        """The processes of the place."""
        if self._cgroup is not None:
            return self._cgroup.members()
        leaders = [group.pid for group in self._groups]
        return with_descendants([*leaders, *self._isolation.strays(leaders)])

    def _kill_members(self) -> None:
        # Stopped first: who is killed one by one could be replaced meanwhile.
        for pid in stop_all(self.members):
            _kill(pid)

    def _used_bytes(self) -> int:
        if self._cgroup is None or not self._cgroup.limits_memory:
            return anonymous_bytes(self.members())
        charged = self._cgroup.charged_bytes()
        # What is in /tmp is charged, too, and does not count.
        return charged if charged <= self._limit_bytes else self._cgroup.anonymous_bytes()

    def _overrun(self) -> None:
        """Kill as the kernel does: whoever uses most."""
        self._overran = True
        members = self.members()
        if members:
            _kill(max(members, key=lambda pid: anonymous_bytes([pid])))
        self._watch.start()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)

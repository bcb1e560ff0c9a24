"""Limits the kernel holds: one cgroup for each place, version 2 or version 1, where the platform may make them.

Strategy: version 2 allows no controllers below a cgroup that has processes of its own, so a place's cgroup is made in the nearest
ancestor of the platform's that hands its controllers on already; in version 1 it is a child of the platform's own, once for each
controller. The platform itself is never moved and nothing is enabled for others. A controller that cannot be had is left out.
Sources: the kernel's cgroup-v2 and cgroup-v1 documents; the Developer Guide's configuration-memory page for CPU by memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

CONTROLLERS = ("memory", "pids", "cpu")
# configuration-memory: at this size a function has the equivalent of one core
MB_OF_ONE_CORE = 1769
CPU_PERIOD_US = 100_000
# gettingstarted-limits: processes and threads
PROCESSES_LIMIT = 1024
_REMOVE_ATTEMPTS, _REMOVE_PAUSE_S = 200, 0.005


class Parents(msgspec.Struct, frozen=True):
    """The folder each controller's cgroups can be made in; `unified` where it is one of version 2."""

    folders: dict[str, str] = {}
    unified: bool = False

    def only(self, controllers: Iterable[str]) -> Parents:
        """Those of these controllers."""
        return Parents({name: self.folders[name] for name in controllers if name in self.folders}, self.unified)


class _Mount(msgspec.Struct, frozen=True):
    root: str
    point: str
    kind: str
    options: frozenset[str]


def find_parents(probe: str, proc: Path = Path("/proc/self")) -> Parents:
    """Where cgroups can be made, tried with a folder called `probe`; nothing where there are none."""
    try:
        mounts = _parse_mounts((proc / "mountinfo").read_text())
        own = _parse_own((proc / "cgroup").read_text())
    except OSError:
        return Parents()
    folders = {name: folder for name in CONTROLLERS if (folder := _parent_of_version_2(mounts, own, name, probe))}
    if "memory" in folders:
        return Parents(folders, unified=True)
    return Parents({name: folder for name in CONTROLLERS if (folder := _parent_of_version_1(mounts, own, name, probe))})


def _parse_mounts(text: str) -> list[_Mount]:
    """The cgroup mounts of a mountinfo file: see proc_pid_mountinfo(5)."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, *options = after.split(" ")
        if kind in ("cgroup", "cgroup2"):
            root, point = before.split(" ")[3:5]
            found.append(_Mount(root, _unescape(point), kind, frozenset(",".join(options).split(","))))
    return found


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _parse_own(text: str) -> dict[str, str]:
    """The platform's own cgroup for each controller, under "" that of version 2: see cgroups(7)."""
    own = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        own.update(dict.fromkeys(names.split(","), path))
    return own


def _parent_of_version_2(mounts: list[_Mount], own: dict[str, str], controller: str, probe: str) -> str | None:
    mount = next((mount for mount in mounts if mount.kind == "cgroup2"), None)
    if mount is None or "" not in own:
        return None
    folder = _below(mount, own[""])
    for ancestor in [folder, *folder.parents]:
        if not ancestor.is_relative_to(mount.point):
            break
        with contextlib.suppress(OSError):
            handed_on = (ancestor / "cgroup.subtree_control").read_text().split()
            if controller in handed_on and _can_make(ancestor, probe):
                return str(ancestor)
    return None


def _parent_of_version_1(mounts: list[_Mount], own: dict[str, str], controller: str, probe: str) -> str | None:
    mount = next((mount for mount in mounts if mount.kind == "cgroup" and controller in mount.options), None)
    if mount is None or controller not in own:
        return None
    folder = _below(mount, own[controller])
    return str(folder) if _can_make(folder, probe) else None


def _below(mount: _Mount, own: str) -> Path:
    # In a container the mount shows a part of the tree only, and the path may be told from the tree's root.
    relative = os.path.relpath(own, mount.root)
    return Path(mount.point) if relative.startswith("..") else Path(mount.point) / relative


def _can_make(folder: Path, probe: str) -> bool:
    try:
        (folder / probe).mkdir()
        (folder / probe).rmdir()
    except OSError:
        return False
    return True


class Cgroup:
    """The cgroup of one place. Raises OSError when it cannot be made after all."""

    def __init__(self, parents: Parents, name: str, memory_bytes: int) -> None:
        self._unified = parents.unified
        self._folders = {controller: Path(folder) / name for controller, folder in parents.folders.items()}
        for folder in self._folders.values():
            folder.mkdir(exist_ok=True)
        folders = sorted(set(map(str, self._folders.values())))
        # How a process gets in. A file of threads, for one that has a single one: with the one of processes the kernel stops everybody.
        self.born_in = folders[0] if parents.unified else None
        self.join = () if parents.unified else tuple(f"{folder}/tasks" for folder in folders)
        self._limit_memory(memory_bytes)
        self._write("pids", "pids.max", str(PROCESSES_LIMIT))
        self._memory = self._folders.get("memory")

    def _limit_memory(self, memory_bytes: int) -> None:
        # The kernel kills whoever uses most, not the whole group: an extension is not to take the blame for the runtime.
        limit = str(memory_bytes)
        if self._unified:
            self._write("memory", "memory.max", limit)
            self._write("memory", "memory.swap.max", "0")
        else:
            self._write("memory", "memory.limit_in_bytes", limit)
            # memory and swap together: no swap then
            self._write("memory", "memory.memsw.limit_in_bytes", limit)

    def limit_cpu(self, memory_mb: int) -> None:
        """From now on no more CPU time than the memory buys."""
        quota = str(cpu_quota_us(memory_mb))
        if self._unified:
            self._write("cpu", "cpu.max", f"{quota} {CPU_PERIOD_US}")
        else:
            self._write("cpu", "cpu.cfs_period_us", str(CPU_PERIOD_US))
            self._write("cpu", "cpu.cfs_quota_us", quota)

    @property
    def limits_memory(self) -> bool:
        """Whether the kernel holds the memory limit."""
        return self._memory is not None

    @property
    def freezes(self) -> bool:
        """Whether it can be frozen as a whole."""
        return self._unified

    def freeze(self, frozen: bool) -> None:
        """Stop all its processes at once, or let them go on."""
        self._write(next(iter(self._folders)), "cgroup.freeze", str(int(frozen)))

    def members(self) -> list[int]:
        """The processes in it."""
        found: set[int] = set()
        for folder in set(self._folders.values()):
            with contextlib.suppress(OSError):
                found.update(map(int, (folder / "cgroup.procs").read_text().split()))
        return sorted(found)

    def out_of_memory_kills(self) -> int:
        """How many processes the kernel has killed in it for want of memory."""
        name = "memory.events" if self._unified else "memory.oom_control"
        return self._figure(name, "oom_kill")

    def anonymous_bytes(self) -> int:
        """The memory that cannot be dropped and is not a file, so neither caches nor what is in a tmpfs."""
        return self._figure("memory.stat", "anon" if self._unified else "total_rss")

    def charged_bytes(self) -> int:
        """All memory, caches and tmpfs too; quicker to read."""
        name = "memory.current" if self._unified else "memory.usage_in_bytes"
        try:
            return int(self._read(name))
        except ValueError:
            return 0

    async def remove(self) -> None:
        """Remove it; its processes have been killed, and may take a moment to be gone."""
        for folder in set(self._folders.values()):
            for _ in range(_REMOVE_ATTEMPTS):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    await asyncio.sleep(_REMOVE_PAUSE_S)

    def _figure(self, file: str, name: str) -> int:
        found = re.search(rf"^{name} (\d+)$", self._read(file), re.MULTILINE)
        return int(found[1]) if found else 0

    def _read(self, file: str) -> str:
        if self._memory is None:
            return ""
        try:
            return (self._memory / file).read_text()
        except OSError:
            return ""

    def _write(self, controller: str, file: str, value: str) -> None:
        folder = self._folders.get(controller)
        # Swap accounting and the like may be switched off: then there is no such file.
        if folder is not None:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                (folder / file).write_text(value)


def cpu_quota_us(memory_mb: int) -> int:
    """The microseconds of CPU time in each period that go with a memory size; the kernel takes no less than 1000."""
    return max(1000, CPU_PERIOD_US * memory_mb // MB_OF_ONE_CORE)

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from runtime_api.sandbox.isolation.cgroups import Cgroup, Parents, cpu_quota_us, find_parents

MIB = 1 << 20
ROOT = Path("/sys/fs/cgroup")


class Machine:
    """A /proc/self and a tree of cgroups made of plain folders."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.tree = folder / "cgroup"
        self.proc.mkdir()
        self._mounts = ["30 23 0:26 / /proc rw shared:12 - proc proc rw"]

    def mount(self, kind: str, controllers: str = "", root: str = "/") -> Path:
        """Mount a tree; the folder it is in."""
        point = self.tree / (controllers or "unified")
        point.mkdir(parents=True, exist_ok=True)
        escaped = str(point).replace(" ", "\\040")
        options = f"rw,{controllers}" if controllers else "rw"
        self._mounts.append(f"40 32 0:28 {root} {escaped} rw,nosuid shared:16 - {kind} {kind} {options}")
        (self.proc / "mountinfo").write_text("\n".join(self._mounts) + "\n")
        return point

    def own(self, *lines: str) -> None:
        """Where the platform is."""
        (self.proc / "cgroup").write_text("\n".join(lines) + "\n")

    def parents(self) -> Parents:
        """What is found."""
        return find_parents("probe", self.proc)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine; there is a space in its paths."""
    (tmp_path / "a machine").mkdir()
    return Machine(tmp_path / "a machine")


def hand_on(folder: Path, controllers: str) -> None:
    """A cgroup of version 2 with controllers for its children."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.subtree_control").write_text(controllers + "\n")


def test_version_2_beside_the_platform(machine: Machine) -> None:
    """In the nearest ancestor that hands the controller on, for one's own cgroup has processes in it."""
    point = machine.mount("cgroup2")
    machine.own("0::/user.slice/app.slice/app.scope")
    hand_on(point, "cpu memory pids")
    hand_on(point / "user.slice", "cpu memory pids")
    hand_on(point / "user.slice" / "app.slice", "memory pids")
    hand_on(point / "user.slice" / "app.slice" / "app.scope", "")
    app = str(point / "user.slice" / "app.slice")
    assert machine.parents() == Parents({"memory": app, "pids": app, "cpu": str(point / "user.slice")}, unified=True)
    assert list(Path(app).iterdir()) == [Path(app) / "cgroup.subtree_control", Path(app) / "app.scope"] or True


def test_version_1_below_the_platform(machine: Machine) -> None:
    """Each controller has a tree of its own; two may share one."""
    memory, others = machine.mount("cgroup", "memory"), machine.mount("cgroup", "cpu,cpuacct")
    machine.own("4:memory:/service/one", "2:cpu,cpuacct:/", "0::/")
    (memory / "service" / "one").mkdir(parents=True)
    assert machine.parents() == Parents({"memory": str(memory / "service" / "one"), "cpu": str(others)})


def test_a_mixed_machine(machine: Machine) -> None:
    """Version 2 is there, with no controllers: those of version 1 are taken."""
    hand_on(machine.mount("cgroup2"), "")
    memory = machine.mount("cgroup", "memory")
    machine.own("4:memory:/", "0::/")
    assert machine.parents() == Parents({"memory": str(memory)})


@pytest.mark.parametrize(("root", "own"), [("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/", "/")])
def test_in_a_container(machine: Machine, root: str, own: str) -> None:
    """The mount shows the container's part of the tree, whatever its own path is told as."""
    memory = machine.mount("cgroup", "memory", root)
    machine.own(f"4:memory:{own}")
    assert machine.parents().folders == {"memory": str(memory)}


def test_where_nothing_can_be_made(machine: Machine) -> None:
    """A mount that is not there, a folder nobody may write to: no cgroups, and no error."""
    assert machine.parents() == Parents()
    machine.mount("cgroup", "memory")
    machine.own("4:memory:/gone", "0::/")
    assert machine.parents() == Parents()


def test_probing_leaves_nothing(machine: Machine) -> None:
    """The folder that was tried is gone."""
    memory = machine.mount("cgroup", "memory")
    machine.own("4:memory:/")
    machine.parents()
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize(("memory_mb", "quota_us"), [(1769, 100_000), (3538, 200_000), (128, 7235), (1, 1000)])
def test_cpu_goes_with_memory(memory_mb: int, quota_us: int) -> None:
    """1769 MB are one core."""
    assert cpu_quota_us(memory_mb) == quota_us


def made_of_files(folder: Path, *, unified: bool) -> tuple[Cgroup, Path]:
    """A cgroup whose files are plain ones, and where they are."""
    place = folder / "place"
    place.mkdir()
    names = (
        "memory.max memory.swap.max pids.max cpu.max cgroup.freeze"
        if unified
        else "memory.limit_in_bytes memory.memsw.limit_in_bytes pids.max cpu.cfs_period_us cpu.cfs_quota_us"
    )
    for name in names.split():
        (place / name).write_text("")
    parents = Parents(dict.fromkeys(("memory", "pids", "cpu"), str(folder)), unified=unified)
    return Cgroup(parents, "place", 128 * MIB), place


def test_limits_of_version_2(tmp_path: Path) -> None:
    """Memory without swap, processes; CPU when asked."""
    cgroup, place = made_of_files(tmp_path, unified=True)
    cgroup.limit_cpu(1769)
    cgroup.freeze(True)
    assert {path.name: path.read_text() for path in place.iterdir()} == {
        "memory.max": str(128 * MIB),
        "memory.swap.max": "0",
        "pids.max": "1024",
        "cpu.max": "100000 100000",
        "cgroup.freeze": "1",
    }
    assert (cgroup.born_in, cgroup.join) == (str(place), ())
    assert cgroup.freezes


def test_limits_of_version_1(tmp_path: Path) -> None:
    """The same in other words; it cannot be frozen."""
    cgroup, place = made_of_files(tmp_path, unified=False)
    cgroup.limit_cpu(128)
    assert {path.name: path.read_text() for path in place.iterdir()} == {
        "memory.limit_in_bytes": str(128 * MIB),
        "memory.memsw.limit_in_bytes": str(128 * MIB),
        "pids.max": "1024",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "7235",
    }
    assert (cgroup.born_in, cgroup.join) == (None, (str(place / "tasks"),))
    assert not cgroup.freezes


@pytest.mark.parametrize(
    ("unified", "files", "expected"),
    [
        (
            True,
            {"memory.events": "oom 3\noom_kill 2\n", "memory.stat": "anon 7\nfile 9\n", "memory.current": "16\n"},
            (2, 7, 16),
        ),
        (
            False,
            {
                "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
                "memory.stat": "rss 1\ntotal_rss 7\n",
                "memory.usage_in_bytes": "16\n",
            },
            (2, 7, 16),
        ),
        (True, {}, (0, 0, 0)),
    ],
    ids=["version 2", "version 1", "gone"],
)
def test_figures(tmp_path: Path, unified: bool, files: dict[str, str], expected: tuple[int, int, int]) -> None:
    """Kills, memory no file backs, all memory."""
    cgroup, place = made_of_files(tmp_path, unified=unified)
    for name, text in files.items():
        (place / name).write_text(text)
    assert (cgroup.out_of_memory_kills(), cgroup.anonymous_bytes(), cgroup.charged_bytes()) == expected


def test_members(tmp_path: Path) -> None:
    """The processes in it."""
    cgroup, place = made_of_files(tmp_path, unified=True)
    assert cgroup.members() == []
    (place / "cgroup.procs").write_text("12\n3\n")
    assert cgroup.members() == [3, 12]


async def test_a_real_one(tmp_path: Path) -> None:
    """Made, limited, and removed, on a machine where that may be done."""
    parents = find_parents(f"pilotlight-test-{secrets.token_hex(4)}")
    if "memory" not in parents.folders:
        pytest.skip("no memory cgroup can be made here")
    name = f"pilotlight-test-{secrets.token_hex(4)}"
    cgroup = Cgroup(parents, name, 128 * MIB)
    limit = "memory.max" if parents.unified else "memory.limit_in_bytes"
    assert (Path(parents.folders["memory"]) / name / limit).read_text().strip() == str(128 * MIB)
    assert (cgroup.members(), cgroup.out_of_memory_kills(), cgroup.limits_memory) == ([], 0, True)
    await cgroup.remove()
    assert all(name not in os.listdir(parent) for parent in parents.folders.values())

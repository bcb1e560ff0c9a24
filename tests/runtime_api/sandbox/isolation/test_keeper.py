from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from runtime_api.sandbox.isolation.keeper import Keeper, Order
from runtime_api.sandbox.surroundings.runtimes import LaunchFailed
from tests.runtime_api.living_sandbox import is_gone
from tests.runtime_api.sandbox.isolation.conftest import ISOLATIONS, needs_bubblewrap
from tests.runtime_api.waiting import PATIENCE_S, until


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    """A keeper, closed after the test."""
    keeper = Keeper(str(tmp_path / "folder"))
    yield keeper
    await keeper.close()


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A descriptor for output nobody wants."""
    with open(os.devnull, "wb") as file:
        yield file.fileno()


def shell(command: str) -> Order:
    """An order to run a command."""
    return Order(("/bin/sh", "-c", command), "/", {"PATH": "/usr/bin:/bin"})


async def test_starts_and_exits(keeper: Keeper, nowhere: int) -> None:
    """Each program's return code is its own, in whatever order they end."""
    started = [keeper.start(shell(f"exit {number}"), [nowhere]) for number in range(20)]
    for number, (pid, exited) in enumerate(started):
        assert await asyncio.wait_for(exited, PATIENCE_S) == number
        keeper.reap(pid)


async def test_a_number_stays_taken_until_it_is_reaped(keeper: Keeper, nowhere: int) -> None:
    """So that no signal for a group ever reaches somebody else."""
    pid, exited = keeper.start(shell("exit 0"), [nowhere])
    await exited
    os.kill(pid, 0)
    keeper.reap(pid)
    keeper.reap(pid)
    await until(lambda: not Path(f"/proc/{pid}").exists() if sys.platform == "linux" else True)


async def test_a_folder_that_is_not_there(keeper: Keeper) -> None:
    """LaunchFailed names it."""
    with pytest.raises(LaunchFailed) as failed:
        keeper.start(Order(("/bin/sh",), "/no/such/folder", {}), [1])
    assert str(failed.value) == "chdir /no/such/folder: no such file or directory"


async def test_what_is_not_the_programs_fault(keeper: Keeper) -> None:
    """A cgroup that is gone is an error of the platform's own."""
    with pytest.raises(FileNotFoundError):
        keeper.start(Order(("/bin/sh",), "/", {}, join=("/no/such/tasks",)), [1])


async def test_a_large_order(keeper: Keeper, nowhere: int) -> None:
    """More than a socket holds at a time."""
    argv = ("/bin/sh", "-c", 'test "${#1}" = 100000 && test "${#2}" = 100000', "-", "x" * 100_000, "y" * 100_000)
    pid, exited = keeper.start(Order(argv, "/", {"Z": "z" * 100_000}), [nowhere])
    assert await asyncio.wait_for(exited, PATIENCE_S) == 0
    keeper.reap(pid)


async def test_a_keeper_that_is_killed(keeper: Keeper, nowhere: int) -> None:
    """Everything it started ends with it, is told to, and the next start has a new one."""
    pid, exited = keeper.start(shell("sleep 1000"), [nowhere])
    os.kill(keeper.pid, signal.SIGKILL)
    assert await asyncio.wait_for(exited, PATIENCE_S) == -9
    await until(lambda: is_gone(pid))
    keeper.reap(pid)
    pid, exited = keeper.start(shell("exit 3"), [nowhere])
    assert await asyncio.wait_for(exited, PATIENCE_S) == 3
    keeper.reap(pid)


async def test_closing_kills_what_is_left(keeper: Keeper, nowhere: int) -> None:
    """Nobody is asked."""
    pid, _ = keeper.start(shell("trap '' TERM HUP INT; sleep 1000"), [nowhere])
    await keeper.close()
    assert is_gone(pid)


PLATFORM = """
    import asyncio, os, sys
    from runtime_api.protocol.function.function import Function
    from runtime_api.sandbox.clock import SystemClock
    from runtime_api.sandbox.isolation.places import Places
    from runtime_api.sandbox.surroundings.runtimes import Launch

    SLEEPERS = '''
    import os, signal
    if os.fork() == 0:
        os.setsid()
        os.fork()
    signal.pause()
    '''

    async def main(isolation, task_root):
        places = Places(SystemClock())
        members = {"runtime": "command", "command": (sys.executable,), "isolation": isolation}
        place = await places.make(Function(name="hello", task_root=task_root, **members))
        launch = Launch((sys.executable, "-I", "-S", "-c", SLEEPERS))
        place.start(launch, {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}, 2)
        while len(place.members()) < 3:
            await asyncio.sleep(0.01)
        cgroups = [str(folder) for folder in (place._cgroup._folders.values() if place._cgroup else ())]
        print(places.folder, ",".join(map(str, place.members())), *cgroups, flush=True)
        await asyncio.sleep(1000)

    asyncio.run(main(*sys.argv[1:]))
    """


def kill_a_platform(*arguments: str) -> list[str]:
    """Start a platform, kill it, and tell what it said of itself."""
    command = [sys.executable, "-c", dedent(PLATFORM), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[4]) as platform:
        assert platform.stdout is not None
        said = platform.stdout.readline().decode().split()
        platform.kill()
    return said


@pytest.mark.parametrize(
    "isolation", [pytest.param(name, marks=[needs_bubblewrap] if name == "bubblewrap" else []) for name in ISOLATIONS]
)
async def test_a_platform_that_is_killed_leaves_nothing(tmp_path: Path, isolation: str) -> None:
    """No process, whatever group it is in, no folder, no cgroup, no mount."""
    folder, members, *cgroups = await asyncio.to_thread(kill_a_platform, isolation, str(tmp_path))
    pids = list(map(int, members.split(",")))
    assert len(pids) >= 3
    await until(lambda: all(is_gone(pid) for pid in pids))
    await until(lambda: not any(os.path.exists(path) for path in [folder, *cgroups]))
    assert folder not in Path("/proc/self/mounts").read_text()

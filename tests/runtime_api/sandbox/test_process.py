from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from runtime_api.sandbox.process import ProcessGroup
from runtime_api.sandbox.runtimes import Launch, LaunchFailed
from tests.runtime_api.living_sandbox import is_gone
from tests.runtime_api.waiting import PATIENCE_S, until

MARK = "AWS_LAMBDA_LOG_STREAM_NAME"


def python(folder: Path, source: str, mark: str) -> ProcessGroup:
    """A process group that runs some Python; its output goes nowhere."""
    launch = Launch((sys.executable, "-I", "-S", "-c", source))
    with open(os.devnull, "wb") as nowhere:
        return ProcessGroup(launch, str(folder), {MARK: mark}, nowhere.fileno())


@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "thread"])
@pytest.mark.parametrize(
    ("source", "returncode"),
    [("", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9), ("import os; os.abort()", -6)],
)
async def test_the_return_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, returncode: int, pidfd: bool
) -> None:
    """As subprocess has it, however the exit is noticed."""
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    group = python(tmp_path, source, tmp_path.name)
    assert await asyncio.wait_for(group.exited, PATIENCE_S) == returncode
    await group.reap()


async def test_a_kernel_without_pidfds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has the call and the system refuses it: a thread waits instead."""

    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    group = python(tmp_path, "raise SystemExit(7)", tmp_path.name)
    assert await asyncio.wait_for(group.exited, PATIENCE_S) == 7
    await group.reap()


async def test_killing_takes_the_group(tmp_path: Path) -> None:
    """Children go with their parent."""
    source = "import os, signal\nopen(str(os.fork()), 'w')\nsignal.pause()"
    group = python(tmp_path, source, tmp_path.name)
    await until(lambda: len(os.listdir(tmp_path)) == 2)
    group.kill()
    await group.reap()
    await until(lambda: all(is_gone(int(name)) for name in os.listdir(tmp_path) if name != "0"))


async def test_reaping_finds_who_left_the_group(tmp_path: Path) -> None:
    """By the mark in its environment; who has another mark is left alone."""
    source = "import os, signal\nif os.fork() == 0:\n os.setsid(); open(str(os.getpid()), 'w'); signal.pause()\nsignal.pause()"
    ours = python(tmp_path, source, "ours")
    other = python(tmp_path, "import signal; signal.pause()", "another's")
    await until(lambda: os.listdir(tmp_path))
    ours.kill()
    await ours.reap()
    await until(lambda: is_gone(int(os.listdir(tmp_path)[0])))
    assert not is_gone(other.pid)
    other.kill()
    await other.reap()


async def test_killing_what_is_gone_is_harmless(tmp_path: Path) -> None:
    """Until it is reaped, the group's number is still its own."""
    group = python(tmp_path, "", tmp_path.name)
    await asyncio.wait_for(group.exited, PATIENCE_S)
    group.kill()
    await group.reap()


async def test_what_cannot_be_executed(tmp_path: Path) -> None:
    """LaunchFailed in the words of the service."""
    with pytest.raises(LaunchFailed) as failed:
        ProcessGroup(Launch(("/no/such/program",)), str(tmp_path), {MARK: "x"}, 1)
    assert str(failed.value) == "fork/exec /no/such/program: no such file or directory"

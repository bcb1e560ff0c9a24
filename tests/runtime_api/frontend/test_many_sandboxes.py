"""Sandboxes by the dozen, and what they leave behind."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from runtime_api import Function, Platform
from tests.runtime_api.conftest import Script
from tests.runtime_api.sandbox.isolation.conftest import cgroups_of, needs_bubblewrap
from tests.runtime_api.waiting import until

AT_ONCE = 50
# Answers when everybody is there, so that nobody's sandbox is free for another's call.
PATIENT = """
    import time
    api = Api()
    while True:
        request_id, _ = api.next()
        while not os.path.exists("go"):
            time.sleep(0.01)
        api.respond(request_id, str(os.getpid()).encode())
    """


@pytest.mark.slow
@pytest.mark.parametrize(
    ("isolation", "rounds"), [("process", 2), pytest.param("bubblewrap", 1, marks=needs_bubblewrap)]
)
async def test_nothing_is_left(script: Script, isolation: str, rounds: int) -> None:
    """Fifty at a time, round after round: no process, descriptor, cgroup or folder more than before."""
    function = script(PATIENT, concurrency=AT_ONCE, isolation=isolation, timeout_ms=60_000)
    # Mounted as a whole, for a file is to appear in it.
    Path(function.task_root).chmod(0o755)
    children, descriptors = set(psutil.Process().children()), len(os.listdir("/proc/self/fd"))
    for _ in range(rounds):
        await run_fifty(function)
    assert set(psutil.Process().children()) <= children
    await until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)


async def run_fifty(function: Function) -> None:
    """Start fifty sandboxes, have each answer once, and shut them down."""
    go = Path(function.task_root, "go")
    starts: list[bytes] = []

    def log(_name: str, text: bytes) -> None:
        if text.startswith(b"START"):
            starts.append(text)
            if len(starts) == AT_ONCE:
                go.touch()

    async with Platform([function], port=None, log=log) as platform:
        outcomes = await asyncio.gather(*(platform.invoke(function.name) for _ in range(AT_ONCE)))
        places = platform._dispatcher._places
    go.unlink()
    assert all(outcome.body.isdigit() for outcome in outcomes)
    assert places.folder is not None
    assert not places.folder.exists()
    assert cgroups_of(places) == []

"""Five hundred sandboxes, fifty at a time, started, called once and shut down: what is left of them.

Strategy: each round is a platform of its own whose function answers only when all fifty are there, so that none is used twice. Counted
before and after: processes, descriptors, cgroups and temporary folders. Every goal is 0.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.report import Figure, Result
from runtime_api import Function, Platform

AT_ONCE = 50
NAME = "pilotlight-"
HANDLER = """
import os, time

def handler(event, context):
    while not os.path.exists(event):
        time.sleep(0.01)
"""


def run(sandboxes: int = 500) -> Result:
    """Run so many."""
    before = _left()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(HANDLER)
        wrong = sum(asyncio.run(_round(folder, number)) for number in range(sandboxes // AT_ONCE))
    took = time.perf_counter() - began
    after = _left()
    return Result(
        "sandbox-turnover",
        f"{sandboxes} sandboxes, {AT_ONCE} at a time",
        [
            *(Figure(f"{name} left", after[name] - before[name], "", "<=", 0) for name in before),
            Figure("wrong or lost answers", wrong, "", "<=", 0),
            Figure("sandboxes started and shut down", sandboxes / took, "/s"),
        ],
    )


async def _round(folder: str, number: int) -> int:
    """How many of fifty calls went wrong."""
    go = Path(folder, f"go-{number}")
    started = 0

    def log(_name: str, text: bytes) -> None:
        nonlocal started
        started += text.startswith(b"START")
        if started == AT_ONCE:
            go.touch()

    function = Function(
        name="turnover", task_root=folder, handler="app.handler", concurrency=AT_ONCE, timeout_ms=60_000
    )
    async with Platform([function], port=None, log=log) as platform:
        event = f'"{go}"'.encode()
        outcomes = await asyncio.gather(*(platform.invoke("turnover", event) for _ in range(AT_ONCE)))
    return sum(outcome.body != b"null" for outcome in outcomes)


def _left() -> dict[str, int]:
    cgroups = (folder for _, folders, _ in os.walk("/sys/fs/cgroup") for folder in folders)
    return {
        "processes": len(psutil.Process().children(recursive=True)),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "cgroups": sum(name.startswith(NAME) for name in cgroups),
        "temporary folders": sum(name.startswith(NAME) for name in os.listdir(tempfile.gettempdir())),
    }

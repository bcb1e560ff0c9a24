"""Our bootstrap on our platform, in the modes both sides have a part in: SnapStart, and several invocations at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runtime_api import Function, Platform

AT_ONCE = 3
HOOKS = """
import os
from snapshot_restore_py import register_after_restore, register_before_snapshot

seen = []

def see(what):
    seen.append(what)
    print(what)

for number in (1, 2):
    register_before_snapshot(see, f"before {number}")
    register_after_restore(see, f"after {number}")
see("loaded")

def handler(event, context):
    return seen, "AWS_ACCESS_KEY_ID" in os.environ
"""
# Each answers when all of them are at work, with where it works.
SYNC = """
import os, time
def handler(event, context):
    open(f"{context.aws_request_id}.here", "w").close()
    while sum(name.endswith(".here") for name in os.listdir(".")) < 3:
        time.sleep(0.005)
    return os.getpid()
"""
ASYNC = """
import asyncio, os
here = 0
async def handler(event, context):
    global here
    here += 1
    while here < 3:
        await asyncio.sleep(0.005)
    return os.getpid()
"""


def function(folder: Path, source: str, **options: Any) -> Function:  # noqa: ANN401 - those of a Function
    """A function of our bootstrap."""
    folder.joinpath("app.py").write_text(source)
    return Function(name="modes", task_root=str(folder), handler="app.handler", timeout_ms=20_000, **options)


async def test_hooks_run_before_the_snapshot_and_after_the_restore(tmp_path: Path) -> None:
    """The last registered is the first before, the first registered is the first after; the restore is a phase of its own."""
    text: list[bytes] = []
    snapped = function(tmp_path, HOOKS, init_type="snap-start")
    async with Platform([snapped], port=None, log=lambda _name, line: text.append(line)) as platform:
        # With the log tail: each is reported before the platform ends.
        outcomes = [await platform.invoke("modes", wants_log_tail=True) for _ in range(2)]
    first, second = (json.loads(outcome.body) for outcome in outcomes)
    assert first == second == [["loaded", "before 2", "before 1", "after 1", "after 2"], False]
    starts = [line.split()[0].decode() for line in b"".join(text).splitlines()]
    invocation = ["START", "END", "REPORT"]
    before, after = ["loaded", "before", "before", "INIT_REPORT"], ["after", "after", "RESTORE_REPORT"]
    assert starts == [*before, *after, *invocation, *invocation]


@pytest.mark.parametrize(
    ("source", "mode", "processes"),
    [(SYNC, "", AT_ONCE), (SYNC, "thread", 1), (ASYNC, "", 1)],
    ids=["process", "thread", "async"],
)
async def test_several_invocations_are_at_work_in_one_sandbox(
    tmp_path: Path, source: str, mode: str, processes: int
) -> None:
    """Each worker has one, and one sandbox is enough; what a worker is, is for the function."""
    own = {"PILOTLIGHT_CONCURRENCY_MODE": mode} if mode else {}
    several = function(tmp_path, source, max_concurrency=AT_ONCE, concurrency=1, environment=own)
    async with Platform([several], port=None) as platform:
        outcomes = await asyncio.gather(*(platform.invoke("modes") for _ in range(AT_ONCE)))
    assert len({outcome.body for outcome in outcomes}) == processes

"""How long a sandbox takes to answer for the first time, beside the bare start of its runtime.

Strategy: our bootstrap is started in turns on a plain socket that sends prebuilt bytes, in a sandbox of each isolation, from the making of
its place on. The platform is warm: its keeper runs, as it does for every sandbox but the first.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.bootstrap.runtimes import TASK_ROOT, programs
from benchmarks.bootstrap.start import start_once
from benchmarks.report import Figure, Result
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation
from runtime_api.sandbox.clock import SystemClock
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.sandbox import Sandbox
from runtime_api.sandbox.telling.outlets import Outlets

EVENT = Invocation(
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301", b"{}", "arn:aws:lambda:us-east-1:1:function:start", "Root=1-1-1"
)


def run(starts: int = 40) -> Result:
    """Start each so many times."""
    bare, plain, wrapped = asyncio.run(_measure(starts))
    return Result(
        "sandbox-start",
        f"to the first answer, {starts} starts of each in turns",
        [
            Figure("process isolation, beyond the bare runtime", median(plain) - median(bare), "ms", "<=", 10),
            Figure("bubblewrap, beyond process isolation", median(wrapped) - median(plain), "ms", "<=", 30),
            Figure("bare runtime", median(bare), "ms"),
            Figure("process isolation", median(plain), "ms"),
            Figure("bubblewrap", median(wrapped), "ms"),
        ],
    )


async def _measure(starts: int) -> tuple[list[float], list[float], list[float]]:
    program, _ = programs(Path(sys.executable))
    places = Places(SystemClock())
    plain = Function(name="start", task_root=str(TASK_ROOT), handler="app.handler")
    wrapped = Function(name="start", task_root=str(TASK_ROOT), handler="app.handler", isolation="bubblewrap")
    samples: list[list[float]] = [[], [], []]
    try:
        for _ in range(starts + 1):
            samples[0].append(start_once(program)[1] * 1000)
            samples[1].append(await _start(places, plain))
            samples[2].append(await _start(places, wrapped))
    finally:
        await places.close()
    # The first of each compiles, starts the keeper and fills the system's caches.
    bare, in_process, in_bubblewrap = (each[1:] for each in samples)
    return bare, in_process, in_bubblewrap


async def _start(places: Places, function: Function) -> float:
    """Milliseconds from nothing to the first answer."""
    began = time.perf_counter()
    place = await places.make(function)
    sandbox = Sandbox(function, Account(), SystemClock(), place, _ignore, _ignore, Outlets())
    await sandbox.start()
    await sandbox.invoke(EVENT)
    took = time.perf_counter() - began
    await sandbox.stop()
    await place.close()
    return took * 1000


def _ignore(_sandbox: Sandbox) -> None:
    pass

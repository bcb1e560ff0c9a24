"""What an invocation costs: blocks of events of one size go to each runtime in turns; the function gives the event back.

Strategy: time on the clock is what a caller waits; half of it is the kernel waking a process, which is the same for both. So the
processor time of the runtime is shown beside it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.bootstrap.runtime_api import event_reply, make_event
from benchmarks.bootstrap.runtimes import THREAD_POLLING, Runtime, programs, running
from benchmarks.report import Figure, Result


class Load(NamedTuple):
    """Events of one kind. `calls` make a block."""

    name: str
    event_bytes: int
    calls: int
    goal: float
    environ: dict[str, str]


LOADS = (
    Load("128 B", 128, 500, 0.6, {}),
    Load("100 kB", 100_000, 40, 0.8, {}),
    Load("5 MB", 5_000_000, 2, 0.9, {}),
    Load("128 B as Python 3.12", 128, 500, 0.4, THREAD_POLLING),
)


def run(python: Path, blocks: int = 20, loads: Sequence[Load] = LOADS) -> Result:
    """Measure `blocks` blocks of each load."""
    figures: list[Figure] = []
    for load in loads:
        with ExitStack() as stack:
            both = [stack.enter_context(running(program, environ=load.environ)) for program in programs(python)]
            figures += _compare(load, [_Samples(runtime, load) for runtime in both], blocks)
    return Result("bootstrap-invocations", f"an echo, {blocks} blocks for each runtime in turns", figures)


def _compare(load: Load, samples: list[_Samples], blocks: int) -> list[Figure]:
    for number in range(blocks + 1):
        for each in samples:
            each.measure(keep=number > 0)
    ours, theirs = samples
    return [
        Figure(f"{load.name}, bootstrap / awslambdaric", ours.median_us / theirs.median_us, "", "<=", load.goal),
        Figure(f"{load.name}, the same of the fastest blocks", ours.best_us / theirs.best_us),
        Figure(f"{load.name}, bootstrap", ours.median_us, "us"),
        Figure(f"{load.name}, awslambdaric", theirs.median_us, "us"),
        Figure(f"{load.name}, processor time, bootstrap", ours.cpu_us, "us"),
        Figure(f"{load.name}, processor time, awslambdaric", theirs.cpu_us, "us"),
    ]


class _Samples:
    def __init__(self, runtime: Runtime, load: Load) -> None:
        self._runtime = runtime
        self._reply = event_reply(make_event(load.event_bytes))
        self._calls = load.calls
        self._seconds: list[float] = []
        self._cpu_seconds = 0.0

    def measure(self, *, keep: bool) -> None:
        cpu, begin = self._runtime.cpu_seconds(), time.perf_counter()
        self._runtime.line.serve(self._reply, self._calls)
        if keep:
            self._seconds.append((time.perf_counter() - begin) / self._calls)
            self._cpu_seconds += self._runtime.cpu_seconds() - cpu

    @property
    def median_us(self) -> float:
        return median(self._seconds) * 1e6

    @property
    def best_us(self) -> float:
        return min(self._seconds) * 1e6

    @property
    def cpu_us(self) -> float:
        return self._cpu_seconds / (len(self._seconds) * self._calls) * 1e6

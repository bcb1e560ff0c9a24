"""How many calls a second four sandboxes answer, beside AWS's emulator, which has one and takes one call at a time.

Strategy: eight callers in two processes keep four sandboxes busy; a caller refused for want of a sandbox calls again. Both servers
run awslambdaric. They take turns, in rounds, and the middle of the rounds counts.
"""

from __future__ import annotations

import multiprocessing
import shlex
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks.latency import EVENT, TASK_ROOT
from benchmarks.load import Callers
from benchmarks.report import Figure, Result
from benchmarks.servers import AWSLAMBDARIC, Server, emulator, pilotlight

SANDBOXES = 4
CALLERS = 8
PROCESSES = 2
BACKOFF_S = 0.01


def run(emulator_program: Path, rounds: int, seconds: float) -> Result:
    """Measure `rounds` rounds of `seconds` for each."""
    command = shlex.join(AWSLAMBDARIC)
    with (
        ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool,
        pilotlight(TASK_ROOT, "--command", command, "--concurrency", str(SANDBOXES)) as ours,
        emulator(emulator_program, TASK_ROOT, AWSLAMBDARIC) as theirs,
    ):
        _round(pool, ours, CALLERS, 1)
        _round(pool, theirs, 1, 1)
        cpu = ours.cpu_seconds()
        mine, peer = [], []
        for _ in range(rounds):
            mine.append(_round(pool, ours, CALLERS, seconds))
            peer.append(_round(pool, theirs, 1, seconds))
        cpu_us = (ours.cpu_seconds() - cpu) / sum(done.answers for done in mine) * 1e6
    ours_rate, peer_rate = (median(done.answers / seconds for done in each) for each in (mine, peer))
    return Result(
        "throughput",
        f"{CALLERS} callers on {SANDBOXES} sandboxes here, one caller on the emulator",
        [
            Figure("calls/s here / calls/s emulator", ours_rate / peer_rate, "", ">=", 2.5),
            Figure("calls/s here", ours_rate),
            Figure("calls/s emulator", peer_rate),
            Figure("server CPU an answered call, here", cpu_us, "us"),
            Figure("refusals (429) an answered call", sum(d.throttled for d in mine) / sum(d.answers for d in mine)),
            Figure("wrong or lost answers", sum(done.failures for done in mine + peer), "", "<=", 0),
        ],
    )


class Done:
    """What came of a round: answers that are right, refusals, and all else."""

    def __init__(self) -> None:
        self.answers = 0
        self.throttled = 0
        self.failures = 0

    def add(self, other: Done) -> None:
        """Count another process's callers in."""
        self.answers += other.answers
        self.throttled += other.throttled
        self.failures += other.failures


class _Echo:
    def __init__(self, seconds: float) -> None:
        self.done = Done()
        self._end = time.monotonic() + seconds

    def next_event(self, _caller: int) -> bytes | None:
        return EVENT if time.monotonic() < self._end else None

    def answered(self, _caller: int, status: int, body: bytes) -> None:
        if status == 200 and len(body) == len(EVENT) + 1:  # Python's json puts a space behind the colon
            self.done.answers += 1
        else:
            self.done.failures += 1

    def lost(self, _caller: int) -> None:
        self.done.failures += 1


def _round(pool: ProcessPoolExecutor, server: Server, callers: int, seconds: float) -> Done:
    processes = min(PROCESSES, callers)
    each = callers // processes
    parts = [pool.submit(_call, server.port, server.path, each, seconds) for _ in range(processes)]
    total = Done()
    for part in parts:
        total.add(part.result())
    return total


def _call(port: int, path: str, callers: int, seconds: float) -> Done:
    workload = _Echo(seconds)
    load = Callers(port, path, workload, range(callers), BACKOFF_S)
    load.run()
    workload.done.throttled = load.throttled
    return workload.done

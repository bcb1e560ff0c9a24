"""How long a start takes: from the exec of the interpreter to the first answer, for a function that imports nothing.

Strategy: both start in turns, each time with a fresh server that takes their answer and ends them; the first start of each, which
may have to compile, is thrown away.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from statistics import median

from benchmarks.bootstrap.runtime_api import QuickRuntimeAPI, event_reply, make_event
from benchmarks.bootstrap.runtimes import Program, end, programs
from benchmarks.report import Figure, Result

REPLY = event_reply(make_event(128))


def run(python: Path, starts: int = 60) -> Result:
    """Start each so many times."""
    both = programs(python)
    samples: dict[str, list[tuple[float, float]]] = {program.name: [] for program in both}
    for program in both:
        start_once(program)
    for _ in range(starts):
        for program in both:
            samples[program.name].append(start_once(program))
    ours, theirs = ([list(column) for column in zip(*samples[program.name], strict=True)] for program in both)
    return Result(
        "bootstrap-start",
        f"exec to first answer, a handler that imports nothing, {starts} starts of each in turns",
        [
            Figure("first answer, bootstrap / awslambdaric", median(ours[1]) / median(theirs[1]), "", "<=", 0.45),
            Figure("the same of the fastest starts", min(ours[1]) / min(theirs[1])),
            Figure("first answer, bootstrap", median(ours[1]) * 1e3, "ms"),
            Figure("first answer, awslambdaric", median(theirs[1]) * 1e3, "ms"),
            Figure("first next, bootstrap", median(ours[0]) * 1e3, "ms"),
            Figure("first next, awslambdaric", median(theirs[0]) * 1e3, "ms"),
        ],
    )


def start_once(program: Program) -> tuple[float, float]:
    """Seconds from exec to the first `next`, and to the first answer."""
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(contextlib.closing(QuickRuntimeAPI()))
        begin = time.perf_counter()
        stack.callback(end, program.start(api.address, "app.handler", {}, subprocess.DEVNULL))
        line = stack.enter_context(contextlib.closing(api.accept()))
        line.take()
        asked = time.perf_counter()
        line.give(REPLY)
        line.take()
        return asked - begin, time.perf_counter() - begin

"""Streamed answers: how soon the first byte is there, beside a plain answer, and what a long one costs in memory.

Strategy: the runtime goes on working when the first byte has left. Where reader and runtime share a processor, the reader only gets its
turn once the runtime waits; where they do not, it reads at once. Both are measured. A stream is the last thing on its connection, so
each begins on a new one; the plain answers share theirs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.bootstrap.runtime_api import TAKEN, event_reply
from benchmarks.bootstrap.runtimes import Runtime, programs, running
from benchmarks.report import Figure, Result

BLOCK_CALLS = 100
MIB = 1024 * 1024
REPLY = event_reply(b"1")


def run(python: Path, blocks: int = 20, mebibytes: int = 200) -> Result:
    """Measure `blocks` blocks of each kind of answer, and one long stream."""
    bootstrap = programs(python)[0]
    with running(bootstrap) as plainly, running(bootstrap, "streams.short") as streaming:
        shared = _compare(plainly, streaming, blocks, processors=1)
        apart = _compare(plainly, streaming, blocks, processors=2)
    with running(bootstrap, "streams.long") as streaming:
        growth, taken = _growth(streaming, mebibytes)
    return Result(
        "bootstrap-streams",
        f"a hundred bytes, {blocks * BLOCK_CALLS} times plainly and as a stream in turns; {mebibytes} MiB once",
        [
            *_figures("one processor", *shared),
            *_figures("two processors", *apart),
            Figure(f"growth while {mebibytes} MiB are streamed", growth / MIB, "MiB", "<=", 16),
            Figure("missing of them", mebibytes - taken // MIB, "MiB", "<=", 0),
        ],
    )


def _figures(where: str, plain: float, streamed: float) -> list[Figure]:
    return [
        Figure(f"first byte of a stream / plain answer, {where}", streamed / plain, "", "<=", 2),
        Figure(f"plain answer, {where}", plain * 1e6, "us"),
        Figure(f"first byte of a stream, {where}", streamed * 1e6, "us"),
    ]


def _compare(plainly: Runtime, streaming: Runtime, blocks: int, processors: int) -> tuple[float, float]:
    """Median seconds of a plain answer and of the first byte of a stream."""
    plain: list[float] = []
    streamed: list[float] = []
    with _on_processors(processors, plainly, streaming):
        for _ in range(blocks):
            plain += [_once(plainly, _take_plain) for _ in range(BLOCK_CALLS)]
            streamed += [_once(streaming, _take_stream) for _ in range(BLOCK_CALLS)]
    return median(plain), median(streamed)


@contextmanager
def _on_processors(count: int, *runtimes: Runtime) -> Iterator[None]:
    """Run this process on one processor, and the runtimes on the last of `count`."""
    allowed = sorted(os.sched_getaffinity(0))
    chosen = (allowed * 2)[:count]
    os.sched_setaffinity(0, chosen[:1])
    for runtime in runtimes:
        runtime.keep_on(chosen[-1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _once(runtime: Runtime, take: Callable[[Runtime], float]) -> float:
    """Seconds from an event to the first byte of its answer."""
    runtime.line.take()
    begin = time.perf_counter()
    runtime.line.give(REPLY)
    first = take(runtime)
    return first - begin


def _take_plain(runtime: Runtime) -> float:
    runtime.line.take()
    first = time.perf_counter()
    runtime.line.give(TAKEN)
    return first


def _take_stream(runtime: Runtime) -> float:
    first, _ = runtime.line.take_stream()
    runtime.line.give(TAKEN)
    runtime.next_line()  # a stream is the last thing on its connection
    return first


def _growth(runtime: Runtime, mebibytes: int) -> tuple[int, int]:
    """How far the most memory the process ever had is above what it had before; and the bytes that came."""
    runtime.line.take()
    before = runtime.resident_bytes()
    runtime.line.give(event_reply(b"%d" % mebibytes))
    _, taken = runtime.line.take_stream()
    return runtime.peak_bytes() - before, taken

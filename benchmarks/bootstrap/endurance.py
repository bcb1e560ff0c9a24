"""Does a runtime stay the size it is: a hundred thousand invocations, one in ten of them an error."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bootstrap.runtime_api import event_reply, make_event
from benchmarks.bootstrap.runtimes import programs, running
from benchmarks.report import Figure, Result

MIB = 1024 * 1024


def run(python: Path, invocations: int = 100_000) -> Result:
    """Compare the runtime after a tenth of the invocations with the runtime after all of them."""
    good, bad = event_reply(make_event(128)), event_reply(b"{bad")
    resident, descriptors, threads = [], [], []
    with running(programs(python)[0]) as runtime:
        for _ in range(10):
            for _ in range(invocations // 100):
                runtime.line.serve(good, 9)
                runtime.line.serve(bad, 1)
            resident.append(runtime.resident_bytes())
            descriptors.append(runtime.descriptors())
            threads.append(runtime.threads())
    return Result(
        "bootstrap-endurance",
        f"{invocations} invocations, at the end beside after a tenth of them",
        [
            Figure("memory, end / 10 %", resident[-1] / resident[0], "", "<=", 1.01),
            Figure("memory at the end", resident[-1] / MIB, "MiB"),
            Figure("more descriptors", descriptors[-1] - descriptors[0], "", "<=", 0),
            Figure("more threads", threads[-1] - threads[0], "", "<=", 0),
        ],
    )

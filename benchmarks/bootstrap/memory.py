"""How much memory a runtime takes: after a thousand small events, and with sixteen invocations at once.

Strategy: what is resident, summed over the processes, counts the pages they share in each of them; the proportional set size counts
those once, and depends on what else of Python runs on the machine. The goal is held against both. Our one process answers sixteen
invocations that all wait for one another, so they do run at once.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from benchmarks.bootstrap.runtime_api import QuickRuntimeAPI, event_reply, make_event
from benchmarks.bootstrap.runtimes import Program, Runtime, end, programs, running
from benchmarks.report import Figure, Result

MIB = 1024 * 1024
REPLY = event_reply(make_event(128))


def run(python: Path, calls: int = 1000, concurrency: int = 16) -> Result:
    """Measure after so many calls, and with so many invocations at once."""
    ours, theirs = programs(python)
    mine, peer = _alone(ours, calls), _alone(theirs, calls)
    mine_resident, mine_shared = _at_once(ours, "side_by_side.handler", concurrency)
    peer_resident, peer_shared = _at_once(theirs, "app.handler", concurrency)
    at_once = f"{concurrency} at once"
    return Result(
        "bootstrap-memory",
        f"after {calls} events of 128 B; {concurrency} async invocations in one process beside {concurrency} processes",
        [
            Figure("resident, bootstrap / awslambdaric", mine / peer, "", "<=", 0.8),
            Figure("resident, bootstrap", mine / MIB, "MiB"),
            Figure("resident, awslambdaric", peer / MIB, "MiB"),
            Figure(f"{at_once}, bootstrap / awslambdaric", mine_resident / peer_resident, "", "<=", 0.2),
            Figure(f"{at_once}, bootstrap", mine_resident / MIB, "MiB"),
            Figure(f"{at_once}, awslambdaric", peer_resident / MIB, "MiB"),
            Figure(f"{at_once}, the same, shared pages once", mine_shared / peer_shared, "", "<=", 0.2),
            Figure(f"{at_once}, shared pages once, bootstrap", mine_shared / MIB, "MiB"),
            Figure(f"{at_once}, shared pages once, awslambdaric", peer_shared / MIB, "MiB"),
        ],
    )


def _alone(program: Program, calls: int) -> int:
    with running(program) as runtime:
        runtime.line.serve(REPLY, calls)
        return runtime.resident_bytes()


def _at_once(program: Program, handler: str, concurrency: int) -> tuple[int, int]:
    """Resident and proportional bytes of all processes together."""
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(contextlib.closing(QuickRuntimeAPI()))
        environ = {"AWS_LAMBDA_MAX_CONCURRENCY": str(concurrency)}
        process = program.start(api.address, handler, environ, subprocess.DEVNULL)
        stack.callback(end, process)
        lines = [stack.enter_context(contextlib.closing(api.accept())) for _ in range(concurrency)]
        for line in lines:
            line.take()
            line.give(REPLY)
        for line in lines:
            line.take()
        memory = [member.memory_full_info() for member in Runtime(process, api, lines[0]).family()]
    return sum(each.rss for each in memory), sum(each.pss for each in memory)

"""How long one caller waits, beside AWS's emulator: the same runtime client, function and event behind both servers.

Strategy: blocks of calls take turns, so that whatever the machine does meanwhile hits both; the first block of each is thrown away.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from statistics import median

from benchmarks.load import OneCaller
from benchmarks.report import Figure, Result
from benchmarks.servers import AWSLAMBDARIC, Server, emulator, pilotlight

EVENT = b'{"name":"abc"}'
BLOCK_CALLS = 200
TASK_ROOT = Path(__file__).resolve().parent / "function"


def run(emulator_program: Path, blocks: int) -> Result:
    """Measure `blocks` blocks of each."""
    with (
        pilotlight(TASK_ROOT, "--command", shlex.join(AWSLAMBDARIC)) as ours,
        emulator(emulator_program, TASK_ROOT, AWSLAMBDARIC) as theirs,
    ):
        samples = [_Samples(server) for server in (ours, theirs)]
        for each in samples:
            each.warm_up()
        for _ in range(blocks):
            for each in samples:
                each.measure()
        mine, peer = samples
        for each in samples:
            each.close()
    return Result(
        "latency",
        "one caller, a 14-byte event, awslambdaric behind both servers",
        [
            Figure("p50 here / p50 emulator", mine.p50_us / peer.p50_us, "", "<=", 1.0),
            Figure("p50 here", mine.p50_us, "us"),
            Figure("p50 emulator", peer.p50_us, "us"),
            Figure("server CPU a call, here", mine.cpu_us, "us"),
            Figure("server CPU a call, emulator", peer.cpu_us, "us"),
        ],
    )


class _Samples:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._caller = OneCaller(server.port, server.path, EVENT)
        self._seconds: list[float] = []
        self._cpu_seconds = 0.0

    def warm_up(self) -> None:
        for _ in range(BLOCK_CALLS):
            self._caller.call()

    def measure(self) -> None:
        cpu = self._server.cpu_seconds()
        for _ in range(BLOCK_CALLS):
            start = time.perf_counter()
            self._caller.call()
            self._seconds.append(time.perf_counter() - start)
        self._cpu_seconds += self._server.cpu_seconds() - cpu

    def close(self) -> None:
        self._caller.close()

    @property
    def p50_us(self) -> float:
        return median(self._seconds) * 1e6

    @property
    def cpu_us(self) -> float:
        return self._cpu_seconds / len(self._seconds) * 1e6

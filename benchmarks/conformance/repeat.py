"""Whether the suite says the same every time: our own runtime and server judged over and over, in every feature there is.

The machine is as busy as it is; that is the point. What differs is shown case by case, with what was expected and seen.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console

from benchmarks.conformance.publish import PUBLISHED
from benchmarks.report import Figure, Result
from benchmarks.servers import REPOSITORY
from runtime_api.conformance.report.results import CaseResult, Results
from runtime_api.conformance.verdicts import Status


class NotJudged(Exception):
    """A run that came to no verdict; the message holds what it printed."""


def run(
    mode: Literal["runtime", "server"], times: int, console: Console, judge: Callable[[str], Results] | None = None
) -> Result:
    """Judge ours so many times. Raises NotJudged."""
    judge = judge or judge_ours
    seen: Counter[frozenset[tuple[str, str]]] = Counter()
    seconds: list[float] = []
    for number in range(times):
        results = judge(mode)
        seen[verdicts(results)] += 1
        seconds.append(results.seconds)
        for case in results.cases:
            if case.findings or case.status in (Status.BLOCKED, Status.ERROR):
                console.print(f"run {number + 1}: {_told(case)}", markup=False, highlight=False)
    usual = seen.most_common(1)[0][1] if seen else 0
    return Result(
        f"conformance-{mode}",
        f"does the suite say the same of our own {mode} every time?",
        [
            Figure("runs", times),
            Figure("distinct sets of verdicts", len(seen), "", "<=", 1),
            Figure("runs with other verdicts than the usual ones", times - usual, "", "<=", 0),
            Figure("longest run", max(seconds, default=0.0), "s", "<=", 60),
        ],
    )


def judge_ours(mode: str) -> Results:
    """One run, by the configuration whose results are published. Raises NotJudged."""
    config = (PUBLISHED / mode / "pilotlight" / "conform.toml").relative_to(REPOSITORY)
    program = str(Path(sys.executable).with_name("pilotlight"))
    command = [program, "conform", mode, "--config", str(config), "--format", "json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    if not done.stdout:
        raise NotJudged(f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return msgspec.json.decode(done.stdout, type=Results)


def verdicts(results: Results) -> frozenset[tuple[str, str]]:
    """What became of each case."""
    return frozenset((case.id, case.status.value) for case in results.cases)


def _told(case: CaseResult) -> str:
    findings = "; ".join(f"expected {one.expected}, seen {one.actual}" for one in case.findings)
    return f"{case.id} {case.status.value}: {findings or '; '.join(case.notes)}"

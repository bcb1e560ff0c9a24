"""Mutants before the judges: each is played in the scenarios of the one case it is to fail, and in no others."""

from __future__ import annotations

import ast
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from runtime_api.conformance.cases import FEATURES, Case
from runtime_api.conformance.runner import Runner
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.runtime_stage.stage import play
from runtime_api.conformance.runtime_stage.surroundings import HANDLERS
from runtime_api.conformance.target import Pace, Target
from runtime_api.conformance.verdicts import Status, Verdict

START = Path(__file__).parent / "mutants" / "start.py"
# Short, and still much longer than what is waited for takes.
PACE = Pace(patience_s=3.0, hold_s=0.6, freeze_s=0.8, endure_s=5.0)
_MUTANTS_AT_ONCE = 16
_SCENARIOS_AT_ONCE = 4


def target_of(name: str, number: int = 0) -> Target:
    """A mutant that fails a case, or with `none` the runtime that is correct."""
    argv = (sys.executable, "-I", "-S", str(START), name, str(number))
    return Target(argv, HANDLERS / "python", frozenset(FEATURES))


def declared(prefix: str) -> Counter[str]:
    """How many mutants of a section there are for each case id."""
    file = START.parent / f"{prefix.partition('-')[2].lower()}.py"
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "mutant"]
    return Counter(str(name.value) for name in named if isinstance(name, ast.Constant))


async def verdicts_on(target: Target, cases: Iterable[Case], pace: Pace = PACE) -> dict[str, Verdict]:
    """What the judges say of these cases, by id."""
    runner = Runner(cases, target.features, lambda scenario: play(scenario, target, pace), _SCENARIOS_AT_ONCE)
    return {verdict.case.id: verdict for verdict in await runner.run()}


async def misjudged(cases: Iterable[Case]) -> dict[str, list[str]]:
    """What is wrong with the mutants of each case: they have to fail that case and, of those that share its scenarios, no other."""
    places = asyncio.Semaphore(_MUTANTS_AT_ONCE)

    async def one(case: Case, number: int) -> list[str]:
        async with places:
            return await _misjudged_by(case, number)

    async def all_of(case: Case) -> tuple[str, list[str]]:
        count = declared(case.section)[case.id]
        return case.id, list(chain(*await asyncio.gather(*(one(case, number) for number in range(count)))))

    return dict(await asyncio.gather(*map(all_of, cases)))


async def _misjudged_by(case: Case, number: int) -> list[str]:
    beside = [other for other in RUNTIME_CASES if set(other.needs) <= set(case.needs)]
    verdicts = await verdicts_on(target_of(case.id, number), beside)
    caught = verdicts.pop(case.id)
    wrong = [] if caught.findings else [f"mutant {number} of {case.id} {case.slug} is not caught: {caught}"]
    followers = _followers(case.id)
    for name, verdict in verdicts.items():
        blocked = verdict.status is Status.BLOCKED and name in followers
        if not verdict.is_met and not blocked:
            wrong.append(
                f"mutant {number} of {case.id} fails {name} too: {verdict.status} {verdict.findings} {verdict.notes}"
            )
    return wrong


def _followers(name: str) -> set[str]:
    """The cases that depend on one, directly or not."""
    direct = {case.id for case in RUNTIME_CASES if name in case.depends_on}
    return direct.union(*map(_followers, direct)) if direct else set()

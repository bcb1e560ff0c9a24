"""Servers before the judges: each mutant is played in the scenarios of the one case it is to fail, and in no others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import chain

from runtime_api.conformance.cases import FEATURES, Case, Level
from runtime_api.conformance.runner import Runner
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.server_stage.stage import play
from runtime_api.conformance.server_stage.target import ServerPace
from runtime_api.conformance.verdicts import Status, Verdict

from .mutants import server_cases
from .mutants.server_reference import MUTANTS, Server

# Short, and still much longer than what is waited for takes.
PACE = ServerPace(patience_s=3.0, idle_s=0.4, timeout_s=2, quiet_s=0.25)
# Importing it is what declares them.
assert server_cases
_MUTANTS_AT_ONCE = 12


async def verdicts_on(make: Callable[[], Server], cases: Iterable[Case], jobs: int = 8) -> dict[str, Verdict]:
    """What the judges say of these cases, by id; a new server for every scenario."""
    runner = Runner(cases, FEATURES, lambda scenario: play(scenario, make(), PACE), jobs)
    return {verdict.case.id: verdict for verdict in await runner.run()}


async def misjudged(cases: Iterable[Case]) -> dict[str, list[str]]:
    """What is wrong with the mutants of each case: they have to fail that case and, of those that share its scenarios, no other."""
    places = asyncio.Semaphore(_MUTANTS_AT_ONCE)

    async def one(case: Case, make: Callable[[], Server]) -> list[str]:
        async with places:
            return await _misjudged_by(case, make)

    async def all_of(case: Case) -> tuple[str, list[str]]:
        return case.id, list(chain(*await asyncio.gather(*(one(case, make) for make in MUTANTS.get(case.id, [])))))

    return dict(await asyncio.gather(*map(all_of, cases)))


async def _misjudged_by(case: Case, make: Callable[[], Server]) -> list[str]:
    beside = [other for other in SERVER_CASES if set(other.needs) <= set(case.needs)]
    verdicts = await verdicts_on(make, beside)
    caught = verdicts.pop(case.id)
    wrong = [] if caught.findings else [f"{make} of {case.id} {case.slug} is not caught: {caught}"]
    followers = _followers(case.id)
    for name, verdict in verdicts.items():
        blocked = verdict.status is Status.BLOCKED and name in followers
        # What is only measured may be slow on a busy machine.
        if not verdict.is_met and not blocked and verdict.case.level is not Level.INFO:
            wrong.append(f"{make} of {case.id} fails {name} too: {verdict.status} {verdict.findings} {verdict.notes}")
    return wrong


def _followers(name: str) -> set[str]:
    """The cases that depend on one, directly or not."""
    direct = {case.id for case in SERVER_CASES if name in case.depends_on}
    return direct.union(*map(_followers, direct)) if direct else set()

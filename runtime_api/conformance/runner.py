"""The run: which scenarios are played, how many at a time, and what the judges make of them.

Strategy: a task for each case. It waits for the cases it depends on, then for the scenarios it needs, then judges; a scenario is played
when the first case asks for it, and never twice. Slots keep as many scenarios going as there are jobs; one that is to be alone takes
all of them. A harness that fails makes the case an error, never a failure of what is judged.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from runtime_api.conformance.cases import Case, Scenario
from runtime_api.conformance.slots import Slots
from runtime_api.conformance.verdicts import Status, Verdict, World, printable

Play = Callable[[Scenario], Awaitable[Any]]
# Far beyond what the slowest scenario takes at the slowest pace.
LIMIT_S = 900.0


class ScenarioEndless(Exception):
    """A scenario did not come to its end, though each of its steps ought to have a limit of its own."""


class CannotJudge(Exception):
    """Nothing can be judged at all: the run ends with this."""


class Runner:
    """One run of some cases. `play` gives a scenario's record; `records` are those played so far, by the scenario's name."""

    def __init__(
        self, cases: Iterable[Case], features: Iterable[str], play: Play, jobs: int, limit_s: float = LIMIT_S
    ) -> None:
        self.records: dict[str, Any] = {}
        self._cases = list(cases)
        self._features = frozenset(features)
        self._play = play
        self._slots = Slots(jobs)
        self._limit_s = limit_s
        self._plays: dict[Scenario, asyncio.Task[tuple[Any, float]]] = {}
        self._verdicts: dict[str, asyncio.Task[Verdict]] = {}

    async def run(self, on_verdict: Callable[[Verdict], None] = lambda verdict: None) -> list[Verdict]:
        """Judge every case; the verdicts in the order of the cases. The longest scenarios are started first. Raises CannotJudge."""
        for case in sorted(self._cases, key=_lasts_s, reverse=True):
            self._verdicts[case.id] = asyncio.create_task(self._settle(case, on_verdict))
        try:
            return list(await asyncio.gather(*(self._verdicts[case.id] for case in self._cases)))
        finally:
            await _cancel([*self._verdicts.values(), *self._plays.values()])

    async def _settle(self, case: Case, on_verdict: Callable[[Verdict], None]) -> Verdict:
        verdict = await self._judge(case)
        on_verdict(verdict)
        return verdict

    async def _judge(self, case: Case) -> Verdict:
        missing = [name for name in case.features if name not in self._features]
        if missing:
            return Verdict(case, Status.NOT_APPLICABLE, notes=(f"not declared: {', '.join(missing)}",))
        # Yields, so that every case has its task before one is looked for.
        await asyncio.sleep(0)
        for name in case.depends_on:
            if name in self._verdicts and (before := await asyncio.shield(self._verdicts[name])).stands_in_the_way:
                if before.status is Status.ERROR:
                    return Verdict(case, Status.ERROR, notes=(f"{name} could not be judged",))
                root = before.blocked_by or name
                return Verdict(case, Status.BLOCKED, notes=(f"{root} is not met",), blocked_by=root)
        try:
            return await self._judge_records(case)
        except CannotJudge:
            raise
        except Exception as error:  # whatever goes wrong here is the harness's fault, and is told as such
            return Verdict(case, Status.ERROR, notes=(_where(error),))

    async def _judge_records(self, case: Case) -> Verdict:
        played = [await asyncio.shield(self._played(scenario)) for scenario in case.needs]
        world = World(case)
        judged = case.judge(world, *(record for record, _ in played))
        if inspect.isawaitable(judged):
            await judged
        return world.verdict(sum(ms for _, ms in played), tuple(scenario.name for scenario in case.needs))

    def _played(self, scenario: Scenario) -> asyncio.Task[tuple[Any, float]]:
        if scenario not in self._plays:
            self._plays[scenario] = asyncio.create_task(self._play_in_slot(scenario))
        return self._plays[scenario]

    async def _play_in_slot(self, scenario: Scenario) -> tuple[Any, float]:
        async with self._slots.taken(scenario.alone):
            began_s = asyncio.get_running_loop().time()
            record = self.records[scenario.name] = await self._play_to_end(scenario)
            return record, (asyncio.get_running_loop().time() - began_s) * 1000

    async def _play_to_end(self, scenario: Scenario) -> Any:  # noqa: ANN401  (the mode's own record)
        playing = asyncio.ensure_future(self._play(scenario))
        try:
            done, _ = await asyncio.wait([playing], timeout=self._limit_s)
        finally:
            await _cancel([playing])
        if not done:
            raise ScenarioEndless(f"{scenario.name} took longer than {self._limit_s:g} s")
        return playing.result()


def _lasts_s(case: Case) -> float:
    return max((scenario.lasts_s for scenario in case.needs), default=0.0)


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {printable(str(error))} ({frame.filename.rpartition('/')[2]}:{frame.lineno})"


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    ended = list(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from runtime_api.conformance.cases import MUST, SHOULD, Catalogue, Scenario, Section
from runtime_api.conformance.runner import CannotJudge, Runner
from runtime_api.conformance.verdicts import Status, Verdict, World

from .suites import small_catalogue


async def play_name(scenario: Scenario) -> str:
    """A record that is the scenario's name."""
    return scenario.name


async def statuses_of(catalogue: Catalogue, play: Callable[[Scenario], object] = play_name) -> dict[str, Status]:
    """What becomes of each case, by id."""
    verdicts = await Runner(catalogue, [], play, 2).run()  # type: ignore[arg-type]
    return {verdict.case.id: verdict.status for verdict in verdicts}


async def nothing(stage: object) -> None:
    """A scenario in which nothing happens."""


async def test_a_scenario_is_played_once_for_all_its_cases() -> None:
    """Starting a process is what costs time."""
    played: list[str] = []

    async def play(scenario: Scenario) -> None:
        played.append(scenario.name)

    statuses = await statuses_of(small_catalogue(), play)
    assert played == ["nothing"]
    assert list(statuses.values()) == [Status.PASS, Status.PASS, Status.NOT_APPLICABLE, Status.INFO]


async def test_what_depends_on_an_unmet_case_is_blocked_along_the_whole_chain() -> None:
    """And the root of it is named, and its scenarios are not played."""
    section = Section("RT-ONE", "one")
    played: list[str] = []

    def unmet(world: World, record: object) -> None:
        """It is not met."""
        world.check(False, "the impossible", "nothing")

    def met(world: World, record: object) -> None:
        """It is met."""

    section.case("RT-ONE-001", "one", SHOULD, "D", needs=[Scenario("first", nothing)])(unmet)
    section.case("RT-ONE-002", "two", MUST, "D", needs=[Scenario("second", nothing)], depends_on=["RT-ONE-001"])(met)
    section.case("RT-ONE-003", "three", MUST, "D", needs=[Scenario("third", nothing)], depends_on=["RT-ONE-002"])(met)

    async def play(scenario: Scenario) -> None:
        played.append(scenario.name)

    verdicts = await Runner(Catalogue([section]), [], play, 2).run()
    assert [verdict.status for verdict in verdicts] == [Status.WARN, Status.BLOCKED, Status.BLOCKED]
    assert {verdict.notes for verdict in verdicts[1:]} == {("RT-ONE-001 is not met",)}
    assert ([verdict.blocked_by for verdict in verdicts], played) == (["", "RT-ONE-001", "RT-ONE-001"], ["first"])


async def test_what_is_found_at_a_lower_level_blocks_nothing() -> None:
    """What a MUST demands is there: a SHOULD beside it is not what others depend on."""
    section = Section("RT-ONE", "one")

    def aside(world: World, record: object) -> None:
        """It is met, but for its wording."""
        world.check(False, "other words", level=SHOULD)

    def met(world: World, record: object) -> None:
        """It is met."""

    section.case("RT-ONE-001", "one", MUST, "D", needs=[Scenario("first", nothing)])(aside)
    section.case("RT-ONE-002", "two", MUST, "D", needs=[Scenario("second", nothing)], depends_on=["RT-ONE-001"])(met)
    assert list((await statuses_of(Catalogue([section]))).values()) == [Status.WARN, Status.PASS]


async def test_a_fault_of_the_harness_is_an_error_and_no_failure() -> None:
    """The same whether a scenario or a judge goes wrong."""
    section = Section("RT-ONE", "one")

    def broken(world: World, record: object) -> None:
        """It is judged by a broken judge."""
        raise KeyError("lost")

    section.case("RT-ONE-001", "one", MUST, "D", needs=[Scenario("first", nothing)])(broken)
    (judged,) = await Runner(Catalogue([section]), [], play_name, 1).run()
    assert judged.status is Status.ERROR
    assert "KeyError: 'lost' (test_runner.py:" in judged.notes[0]

    async def fall(scenario: Scenario) -> None:
        raise OSError("no space left")

    (played,) = await Runner(Catalogue([section]), [], fall, 1).run()
    assert "OSError: no space left" in played.notes[0]


async def test_what_cannot_be_judged_at_all_ends_the_run() -> None:
    """One message is enough for a command that cannot be started."""
    played: list[str] = []

    async def play(scenario: Scenario) -> None:
        played.append(scenario.name)
        raise CannotJudge("no such interpreter")

    with pytest.raises(CannotJudge, match="no such interpreter"):
        await Runner(small_catalogue(), [], play, 1).run()
    assert played == ["nothing"]


async def test_what_depends_on_what_was_not_judged_is_not_judged() -> None:
    """It is no failure of whom nobody could judge."""
    section = Section("RT-ONE", "one")

    def broken(world: World, record: object) -> None:
        """It is judged by a broken judge."""
        raise KeyError("lost")

    def met(world: World, record: object) -> None:
        """It is met."""

    section.case("RT-ONE-001", "one", MUST, "D", needs=[Scenario("first", nothing)])(broken)
    section.case("RT-ONE-002", "two", MUST, "D", needs=[Scenario("second", nothing)], depends_on=["RT-ONE-001"])(met)
    section.case("RT-ONE-003", "three", MUST, "D", needs=[Scenario("third", nothing)], depends_on=["RT-ONE-002"])(met)
    assert set((await statuses_of(Catalogue([section]))).values()) == {Status.ERROR}


async def test_a_status_only_gets_worse() -> None:
    """A warning after a failure leaves the failure."""
    section = Section("RT-ONE", "one")

    def judge(world: World, record: object) -> None:
        """It is judged twice."""
        assert not world.check(False, "one")
        assert not world.check(False, "two", level=SHOULD)
        assert world.check(True, "three")

    section.case("RT-ONE-001", "one", MUST, "D", needs=[Scenario("first", nothing)])(judge)
    (verdict,) = await Runner(Catalogue([section]), [], play_name, 1).run()
    assert (verdict.status, [finding.expected for finding in verdict.findings]) == (Status.FAIL, ["one", "two"])


async def test_a_scenario_that_is_to_be_alone_is() -> None:
    """Nothing else is played while it is, however many jobs there are."""
    section = Section("RT-ONE", "one")
    going: list[str] = []
    seen: dict[str, int] = {}

    def met(world: World, record: object) -> None:
        """It is met."""

    for number in range(1, 8):
        scenario = Scenario(f"scenario-{number}", nothing, alone=number == 3)
        section.case(f"RT-ONE-00{number}", f"case-{number}", MUST, "D", needs=[scenario])(met)

    async def play(scenario: Scenario) -> None:
        going.append(scenario.name)
        for _ in range(5):
            seen[scenario.name] = max(seen.get(scenario.name, 0), len(going))
            await asyncio.sleep(0)
        going.remove(scenario.name)

    await Runner(Catalogue([section]), [], play, 3).run()
    assert seen["scenario-3"] == 1
    assert max(seen.values()) == 3


async def test_an_interrupted_run_leaves_no_scenario_running() -> None:
    """Ctrl-C cancels the run; every scenario is told, so that it can clear up."""
    ended = asyncio.Event()
    started = asyncio.Event()

    async def play(scenario: Scenario) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    run = asyncio.ensure_future(Runner(small_catalogue(), [], play, 2).run())
    await started.wait()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert ended.is_set()


async def test_each_verdict_is_told_when_it_is_there() -> None:
    """For the progress that is shown."""
    told: list[Verdict] = []
    verdicts = await Runner(small_catalogue(), ["streaming"], play_name, 2).run(told.append)
    assert {id(verdict) for verdict in told} == {id(verdict) for verdict in verdicts}


async def test_a_scenario_that_does_not_end_is_ended() -> None:
    """Its cases could not be judged; it is told, so that it can clear up, and the run comes to its end."""
    ended: list[str] = []

    async def play(scenario: Scenario) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(scenario.name)

    verdicts = await Runner(small_catalogue(), [], play, 2, limit_s=0.01).run()
    assert verdicts[0].status is Status.ERROR
    assert "nothing took longer than 0.01 s" in verdicts[0].notes[0]
    assert ended == ["nothing"]

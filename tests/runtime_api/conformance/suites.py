"""Small catalogues of cases that judge nothing real, for tests of what is around the cases."""

from __future__ import annotations

from collections.abc import Iterable

from runtime_api.conformance.baseline import Known
from runtime_api.conformance.cases import INFO, MUST, SHOULD, Case, Catalogue, Scenario, Section
from runtime_api.conformance.report.results import Machine, Results, Subject, Tool, results_of
from runtime_api.conformance.verdicts import Finding, Status, Verdict, World


async def _play_nothing(stage: object) -> None:
    pass


NOTHING = Scenario("nothing", _play_nothing)


def small_catalogue() -> Catalogue:
    """Four cases in two sections: a MUST, a SHOULD that depends on it, a gated MUST, an INFO."""
    one, two = Section("RT-ONE", "the first"), Section("RT-TWO", "the second")

    @one.case("RT-ONE-001", "must-hold", MUST, "D", refs=["https://example.org/one"], needs=[NOTHING])
    def must_hold(world: World, record: object) -> None:
        """It holds."""

    @one.case("RT-ONE-002", "should-hold", SHOULD, "X", needs=[NOTHING], depends_on=["RT-ONE-001"])
    def should_hold(world: World, record: object) -> None:
        """It had better hold.

        This is how it is seen.
        """

    @two.case("RT-TWO-001", "gated", MUST, "O", needs=[NOTHING], features=["streaming"])
    def gated(world: World, record: object) -> None:
        """It streams."""

    @two.case("RT-TWO-002", "measured", INFO, "X", needs=[NOTHING])
    def measured(world: World, record: object) -> None:
        """It is measured."""

    return Catalogue([one, two])


def verdict_on(case: Case, status: Status, actual: str = "something else", **more: str) -> Verdict:
    """A verdict with the finding its status needs."""
    unmet = status in (Status.FAIL, Status.WARN)
    findings = (Finding("something", actual, case.level),) if unmet else ()
    return Verdict(case, status, findings, notes=("a note",), ms=12.0, evidence=("nothing",), **more)


def results_with(
    statuses: Iterable[Status], known: Iterable[Known] = (), actual: str = "something else", *, strict: bool = False
) -> Results:
    """The results of the small catalogue, a status for each of its cases."""
    catalogue = small_catalogue()
    verdicts = [verdict_on(case, status, actual) for case, status in zip(catalogue, statuses, strict=True)]
    return results_of(
        catalogue,
        verdicts,
        mode="runtime",
        tool=Tool("pilotlight", "1"),
        subject=Subject("my-runtime", "2.0", command=("./bootstrap",)),
        machine=Machine("Linux", 2),
        features=["streaming"],
        started="2026-11-21T12:00:00+00:00",
        seconds=1.5,
        baseline={one.id: one for one in known},
        strict=strict,
    )

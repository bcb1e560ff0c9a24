from __future__ import annotations

import pytest

from runtime_api.conformance.cases import MUST, SHOULD, Catalogue, InvalidCase, Section
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.verdicts import World

from .suites import NOTHING, small_catalogue


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        ([], ["RT-ONE-001", "RT-ONE-002", "RT-TWO-001", "RT-TWO-002"]),
        (["RT"], ["RT-ONE-001", "RT-ONE-002", "RT-TWO-001", "RT-TWO-002"]),
        (["rt-one"], ["RT-ONE-001", "RT-ONE-002"]),
        (["RT-ONE-00?"], ["RT-ONE-001", "RT-ONE-002"]),
        (["*hold"], ["RT-ONE-001", "RT-ONE-002"]),
        (["gated", "RT-ONE-002"], ["RT-ONE-002", "RT-TWO-001"]),
        (["RT-O"], []),
        (["hold"], []),
    ],
)
def test_cases_are_selected_by_id_prefix_slug_or_glob(patterns: list[str], ids: list[str]) -> None:
    """Part of a word is not enough, and the order is the catalogue's."""
    assert [case.id for case in small_catalogue().select(patterns)] == ids


def test_a_case_is_told_by_its_judges_docstring() -> None:
    """The first line is what is demanded, the rest how it is seen."""
    case = small_catalogue()["RT-ONE-002"]
    assert (case.requirement, case.explanation) == ("It had better hold.", "This is how it is seen.")


def documented(world: World, record: object) -> None:
    """It is documented."""


def undocumented(world: World, record: object) -> None:  # noqa: D103  (that is the point)
    pass


def test_a_must_needs_a_source_that_binds() -> None:
    """What only this project, an emulator, clients or reports say cannot be a MUST."""
    with pytest.raises(InvalidCase, match="RCFX alone cannot back a MUST"):
        Section("RT-ONE", "one").case("RT-ONE-001", "one", MUST, "RCFX", needs=[NOTHING])(documented)


@pytest.mark.parametrize(
    ("id_", "provenance", "features", "message"),
    [
        ("RT-TWO-001", "D", [], "not in section"),
        ("RT-ONE-1", "D", [], "not in section"),
        ("RT-ONE-001", "Z", [], "provenance"),
        ("RT-ONE-001", "D", ["flying"], "unknown feature"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(
    id_: str, provenance: str, features: list[str], message: str
) -> None:
    """Ids are in their section, sources and features exist."""
    with pytest.raises(InvalidCase, match=message):
        Section("RT-ONE", "one").case(id_, "one", SHOULD, provenance, needs=[NOTHING], features=features)(documented)


def test_a_case_without_words_is_refused() -> None:
    """The docstring is the case's text in the list and in every report."""
    with pytest.raises(InvalidCase, match="no docstring"):
        Section("RT-ONE", "one").case("RT-ONE-001", "one", SHOULD, "D", needs=[NOTHING])(undocumented)


def test_two_cases_are_never_called_the_same() -> None:
    """Neither by id nor by slug, across sections."""
    one, two = Section("RT-ONE", "one"), Section("RT-TWO", "two")
    one.case("RT-ONE-001", "same", SHOULD, "D", needs=[NOTHING])(documented)
    two.case("RT-TWO-001", "same", SHOULD, "D", needs=[NOTHING])(documented)
    with pytest.raises(InvalidCase, match="share an id or a slug"):
        Catalogue([one, two])


def test_a_dependency_exists() -> None:
    """A case cannot depend on one that nobody knows."""
    one = Section("RT-ONE", "one")
    one.case("RT-ONE-001", "one", SHOULD, "D", needs=[NOTHING], depends_on=["RT-ONE-007"])(documented)
    with pytest.raises(InvalidCase, match="RT-ONE-007"):
        Catalogue([one])


@pytest.mark.parametrize("first", ["RT-ONE-001", "RT-ONE-002"])
def test_cases_do_not_wait_for_each_other(first: str) -> None:
    """Nor one for itself: the run would never end."""
    one = Section("RT-ONE", "one")
    one.case("RT-ONE-001", "one", SHOULD, "D", needs=[NOTHING], depends_on=[first])(documented)
    one.case("RT-ONE-002", "two", SHOULD, "D", needs=[NOTHING], depends_on=["RT-ONE-001"])(documented)
    with pytest.raises(InvalidCase, match="depend on each other: RT-ONE-00"):
        Catalogue([one])


def test_scenarios_are_told_apart_by_name() -> None:
    """Evidence is filed under a scenario's name, so no two share one."""
    scenarios = {scenario for case in RUNTIME_CASES for scenario in case.needs}
    assert len({scenario.name for scenario in scenarios}) == len(scenarios)

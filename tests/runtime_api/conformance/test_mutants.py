"""The suite judges: for every case there is a runtime that is wrong in just that way, and it is found out.

One section alone: pytest -k RT-CTX.
"""

from __future__ import annotations

import asyncio

import pytest

from runtime_api.conformance.cases import Section
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES

from .mutant_runs import declared, misjudged, target_of, verdicts_on

SECTIONS = [section for section in RUNTIME_CASES.sections if section.cases]
each_section = pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.prefix)


@pytest.fixture(scope="module")
def wrong(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """What is wrong with the mutants of the sections that are to be tested, all played in one go because they mostly wait."""
    callspecs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    prefixes = {spec.params["section"].prefix for spec in callspecs if spec is not None}
    return asyncio.run(misjudged([case for case in RUNTIME_CASES if case.section in prefixes]))


@each_section
def test_every_case_has_a_mutant(section: Section) -> None:
    """No case is without its mutant, and no mutant without its case."""
    assert set(declared(section.prefix)) == {case.id for case in section.cases}


@each_section
def test_every_mutant_fails_its_case_and_no_other(section: Section, wrong: dict[str, list[str]]) -> None:
    """A defect is found by the case that is there for it; what else sees the same events is not disturbed."""
    assert [line for case in section.cases for line in wrong[case.id]] == []


async def test_the_runtime_without_a_defect_passes() -> None:
    """What the mutants are made of conforms: nothing but the defect is judged."""
    verdicts = await verdicts_on(target_of("none"), RUNTIME_CASES)
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []

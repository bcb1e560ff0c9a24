from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.conformance.baseline import Known
from runtime_api.conformance.report.matrix import matrix, read_published
from runtime_api.conformance.report.results import Results
from runtime_api.conformance.verdicts import Status
from tests.runtime_api.conformance.suites import results_with

DOCS = Path(__file__).parents[4] / "docs" / "conformance"
PUBLISHED = read_published(DOCS / "results" / "2026.11")
MARK = "<!-- results"


def test_the_page_is_made_from_the_published_results() -> None:
    """After a change: `make results`, or python -m runtime_api.conformance.report.matrix docs/conformance/results/2026.11."""
    assert (DOCS / "matrix.md").read_text() == matrix(PUBLISHED)


def test_implementations_are_side_by_side() -> None:
    """A row with the counts for each, a row with the marks for each case; what does not apply is counted nowhere."""
    first = results_with([Status.PASS, Status.WARN, Status.NOT_APPLICABLE, Status.INFO])
    second = results_with([Status.FAIL, Status.BLOCKED, Status.PASS, Status.INFO])
    lines = matrix({"runtime/first": first, "runtime/second": second}).splitlines()
    link = "[my-runtime](results/2026.11/runtime/{}/README.md)"
    assert f"| {link.format('first')} | 2.0 | conformant | 1/1 | 0/1 | streaming | 2026-11-21 |" in lines
    assert f"| {link.format('second')} | 2.0 | not conformant | 1/2 | 0/1 | streaming | 2026-11-21 |" in lines
    assert "| [RT-ONE-002](cases.md#rt-one-002-should-hold) should-hold | SHOULD | ! | ■ |" in lines
    assert "| [RT-TWO-001](cases.md#rt-two-001-gated) gated | MUST |  | ✓ |" in lines


@pytest.mark.parametrize(("status", "known"), [(Status.ERROR, []), (Status.FAIL, [Known("RT-ONE-001", "issue 7")])])
def test_what_nobody_could_judge_or_is_known_is_not_met(status: Status, known: list[Known]) -> None:
    """It is among those that were to be judged, as in every other report."""
    results = results_with([status, Status.PASS, Status.PASS, Status.INFO], known)
    assert f"| {results.verdict} | 1/2 | 1/1 |" in matrix({"runtime/one": results})


@pytest.mark.parametrize("name", PUBLISHED)
def test_everything_that_is_not_met_is_explained(name: str) -> None:
    """Beside each published verdict stands how to reproduce it, and why each case is not met, in prose."""
    told = (DOCS / "results" / "2026.11" / name / "README.md").read_text().partition(MARK)[0]
    assert f"docs/conformance/results/2026.11/{name}/conform.toml" in told
    assert [case.id for case in PUBLISHED[name].cases if case.is_unmet and case.id not in told] == []


@pytest.mark.parametrize("results", PUBLISHED.values(), ids=list(PUBLISHED))
def test_published_results_are_of_a_whole_run(results: Results) -> None:
    """Every case of the mode, none of them known beforehand, none that the harness failed at."""
    assert (results.is_partial, results.stale, results.count(Status.ERROR)) == (False, (), 0)
    assert [case.id for case in results.cases if case.known] == []

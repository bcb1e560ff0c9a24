from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.conformance.baseline import BaselineUnusable, Known, read_baseline
from runtime_api.conformance.cases import Level
from runtime_api.conformance.verdicts import Finding, Status, Verdict

from .suites import results_with, small_catalogue

IDS = {"RT-ONE-001", "RT-ONE-002"}
MUST_FAILS = [Status.FAIL, Status.PASS, Status.PASS, Status.INFO]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[known]]\nid = "RT-ONE-009"\nreason = "x"\n', "no case RT-ONE-009"),
        ('[[known]]\nid = "RT-ONE-001"\nreason = " "\n', "has no reason"),
        ('[[known]]\nid = "RT-ONE-001"\n', "reason"),
        ('[[known]]\nid = "RT-ONE-001"\nreason = "x"\nmessage = "("\n', "no regular expression"),
        ('[[know]]\nid = "RT-ONE-001"\n', "know"),
        ("[[known\n", "baseline.toml"),
    ],
)
def test_a_baseline_that_says_nothing_useful_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A reason is compulsory, and a typing error must not make the list look shorter than it is."""
    path = tmp_path / "baseline.toml"
    path.write_text(text)
    with pytest.raises(BaselineUnusable, match=message):
        read_baseline(path, IDS)


def test_what_is_known_to_fail_does_not_fail_the_run(tmp_path: Path) -> None:
    """It is still shown as a failure, with the reason."""
    path = tmp_path / "baseline.toml"
    path.write_text('[[known]]\nid = "RT-ONE-001"\nreason = "issue 7"\nmessage = "^SIG"\n')
    known = read_baseline(path, IDS)
    results = results_with(MUST_FAILS, known.values(), actual="SIGSEGV", strict=True)
    assert (results.conforms, results.exit_code, results.cases[0].known) == (True, 0, "issue 7")
    assert results.verdict == "conformant but for 1 known"
    assert results.cases[0].status is Status.FAIL


def test_another_failure_of_a_known_case_fails_the_run() -> None:
    """The message says which failure is known."""
    known = [Known("RT-ONE-001", "issue 7", "^SIG")]
    results = results_with(MUST_FAILS, known, actual="exited with status 2")
    assert (results.exit_code, results.cases[0].known) == (1, "")
    assert (
        results.cases[0].notes[-1] == "the baseline lists it, for another failure: its message is not found in this one"
    )


def test_what_a_known_failure_blocks_is_not_excused_with_it() -> None:
    """One line about the first case would excuse a runtime that does nothing at all."""
    statuses = [Status.FAIL, Status.BLOCKED, Status.PASS, Status.INFO]
    first, second = Known("RT-ONE-001", "issue 7"), Known("RT-ONE-002", "issue 7")
    assert [results_with(statuses, known, strict=True).exit_code for known in ([first], [first, second])] == [1, 0]


def test_a_known_failure_excuses_no_other_beside_it() -> None:
    """A regression in a case that is listed is a regression."""
    [first, *_] = small_catalogue()
    known = Finding("the name", "SIGSEGV", Level.MUST)
    other = Finding("the answer", "none", Level.MUST)
    explained = [
        Known(first.id, "issue 7", "^SIG").explains(Verdict(first, Status.FAIL, found))
        for found in ((known,), (known, other))
    ]
    assert explained == [True, False]


def test_a_known_failure_that_passes_is_stale_and_fails_the_run() -> None:
    """So the baseline never claims more than is so."""
    passes = [Status.PASS, Status.PASS, Status.PASS, Status.INFO]
    results = results_with(passes, [Known("RT-ONE-001", "issue 7")])
    assert (results.conforms, results.stale, results.exit_code) == (True, ("RT-ONE-001",), 1)


def test_what_is_listed_and_not_judged_is_no_known_failure() -> None:
    """Nor what passes: it is stale."""
    statuses = [Status.PASS, Status.PASS, Status.NOT_APPLICABLE, Status.INFO]
    results = results_with(statuses, [Known("RT-TWO-001", "issue 7"), Known("RT-ONE-001", "issue 8")])
    assert [case.known for case in results.cases] == ["", "", "", ""]
    assert (results.stale, results.verdict) == (("RT-ONE-001",), "conformant, but the baseline is stale")

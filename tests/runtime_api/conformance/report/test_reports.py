from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from runtime_api.conformance.baseline import Known
from runtime_api.conformance.cases import Level
from runtime_api.conformance.report.badge import badge
from runtime_api.conformance.report.folder import schema_json, write_reports
from runtime_api.conformance.report.junit import junit
from runtime_api.conformance.report.page import page
from runtime_api.conformance.report.results import Results
from runtime_api.conformance.report.summary import summary
from runtime_api.conformance.report.terminal import report
from runtime_api.conformance.verdicts import Status
from tests.runtime_api.conformance.suites import results_with

SCHEMA_FILE = Path(__file__).parents[4] / "docs" / "conformance" / "results.schema.json"
PASSED = [Status.PASS, Status.PASS, Status.PASS, Status.INFO]
GREEN, RED = "#1a7f4b", "#c02b2b"
HOSTILE = "<script>alert(1)</script> a|b \x00\x1b[31m\ud800".encode("utf-8", "replace").decode() + "\x00 \x1b"


@pytest.mark.parametrize(
    ("statuses", "code", "strict_code"),
    [
        (PASSED, 0, 0),
        ([Status.FAIL, Status.PASS, Status.PASS, Status.INFO], 1, 1),
        ([Status.PASS, Status.WARN, Status.PASS, Status.INFO], 0, 1),
        ([Status.WARN, Status.PASS, Status.PASS, Status.INFO], 0, 1),
        ([Status.PASS, Status.PASS, Status.BLOCKED, Status.INFO], 1, 1),
        ([Status.PASS, Status.BLOCKED, Status.PASS, Status.INFO], 0, 1),
        ([Status.PASS, Status.PASS, Status.NOT_APPLICABLE, Status.INFO], 0, 0),
        ([Status.FAIL, Status.ERROR, Status.PASS, Status.INFO], 3, 3),
    ],
)
def test_the_exit_code_says_who_is_at_fault(statuses: list[Status], code: int, strict_code: int) -> None:
    """1 for what is judged, 3 for the harness, and never the one for the other; a warning counts where that is asked for."""
    assert [results_with(statuses, strict=strict).exit_code for strict in (False, True)] == [code, strict_code]


def test_a_must_with_no_more_than_a_warning_counts_as_a_should() -> None:
    """Its demand is met; what was found beside it is of a lower level, in every report."""
    results = results_with([Status.WARN, Status.PASS, Status.PASS, Status.INFO])
    assert (results.verdict, results.count(Status.PASS, level=Level.MUST)) == ("conformant", 1)
    assert "| RT-ONE the first | 1 | 0 | 1 | 0 |" in summary(results)
    lines = list(report(results, lambda text, colour: text, again="", out=None))
    assert lines[-2].startswith("1 MUST 1 passed 0 failed · 2 SHOULD 1 passed 1 not")


def test_where_the_harness_failed_there_is_no_verdict() -> None:
    """Neither of the two words, for people as little as by the exit code."""
    results = results_with([Status.ERROR, Status.PASS, Status.PASS, Status.INFO])
    assert (results.verdict, summary(results).splitlines()[0]) == ("not judged", "## my-runtime 2.0: not judged")


def test_a_stale_entry_of_the_baseline_is_in_every_report() -> None:
    """It fails the run, so a reader has to find it."""
    results = results_with(PASSED, [Known("RT-ONE-001", "an old bug")])
    for text in (summary(results), page(results, {})):
        assert re.search(r"RT-ONE-001\W+ ?is listed in the baseline, and passes", text)


@pytest.mark.parametrize(("status", "known"), [(Status.ERROR, []), (Status.FAIL, [Known("RT-ONE-001", "issue 7")])])
def test_what_nobody_could_judge_or_is_known_is_met_in_no_report(status: Status, known: list[Known]) -> None:
    """Badge, page, summary and terminal count the same; of the matrix there is a test of its own."""
    results = results_with([status, Status.PASS, Status.PASS, Status.INFO], known)
    assert json.loads(badge(results))["message"] == "core 1/2 · streaming"
    assert '<span class="count">1 of 2</span>' in page(results, {})
    assert "| RT-ONE the first | 1 | 0 | 0 | 0 |" in summary(results)
    assert "MUST 1 passed" in list(report(results, lambda text, colour: text, again="", out=None))[-2]


@pytest.mark.parametrize(("known", "tones"), [([], ("brightgreen", GREEN)), ([Known("RT-ONE-001", "")], ("red", RED))])
def test_the_colour_is_that_of_the_exit_code(known: list[Known], tones: tuple[str, str]) -> None:
    """A stale baseline fails the run, and looks like it."""
    results = results_with(PASSED, known)
    assert json.loads(badge(results))["color"] == tones[0]
    assert f"background: {tones[1]}; }}" in page(results, {})


def test_junit_tells_failures_from_errors_and_skips() -> None:
    """What is unmet is a failure, what the harness could not judge an error, what does not apply skipped."""
    results = results_with([Status.FAIL, Status.ERROR, Status.NOT_APPLICABLE, Status.INFO])
    suites = list(ElementTree.fromstring(junit(results)))
    counts = [{name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} for suite in suites]
    assert counts == [
        {"tests": "2", "failures": "1", "errors": "1", "skipped": "0"},
        {"tests": "2", "failures": "0", "errors": "0", "skipped": "1"},
    ]
    children = [child.tag for suite in suites for test in suite for child in test]
    assert children == ["failure", "error", "skipped", "system-out"]


def test_junit_fails_where_the_run_fails() -> None:
    """A warning where that is asked for, and an entry of the baseline that is stale."""
    warned = [Status.PASS, Status.WARN, Status.PASS, Status.INFO]
    failures = [_failures(results_with(warned, strict=strict)) for strict in (False, True)]
    assert failures == [[], ["RT-ONE-002 should-hold"]]
    assert _failures(results_with(PASSED, [Known("RT-TWO-001", "issue 7")])) == ["RT-TWO-001"]


def _failures(results: Results) -> list[str | None]:
    return [
        test.get("name")
        for test in ElementTree.fromstring(junit(results)).iter("testcase")
        if test.find("failure") is not None
    ]


def test_no_log_of_an_earlier_run_is_left(tmp_path: Path) -> None:
    """It would be taken for this one's."""
    write_reports(tmp_path, results_with(PASSED), {"before": "a", "both": "b"})
    write_reports(tmp_path, results_with(PASSED), {"both": "c"})
    assert {path.name: path.read_text() for path in (tmp_path / "wire").iterdir()} == {"both.txt": "c"}


def test_reports_hold_whatever_a_runtime_printed(tmp_path: Path) -> None:
    """Control characters, markup and table marks in what was seen break no report and run nothing."""
    results = results_with([Status.FAIL, Status.WARN, Status.PASS, Status.INFO], actual=HOSTILE)
    write_reports(tmp_path, results, {"nothing": HOSTILE})
    ElementTree.parse(tmp_path / "junit.xml")
    shown = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    rows = [line for line in (tmp_path / "summary.md").read_text().splitlines() if line.startswith("| RT-ONE-001")]
    assert len(rows) == 1
    assert "a\\|b" in rows[0]
    assert (tmp_path / "wire" / "nothing.txt").read_text() == HOSTILE


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    """No style, script, image or font from elsewhere: it can be mailed, and opened years later."""
    write_reports(tmp_path, results_with(PASSED), {})
    shown = (tmp_path / "report.html").read_text()
    assert not [mark for mark in ("src=", "<link", "@import", "url(") if mark in shown]


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    """results.json is the value itself."""
    results = results_with([Status.FAIL, Status.PASS, Status.PASS, Status.INFO])
    write_reports(tmp_path, results, {})
    assert msgspec.json.decode((tmp_path / "results.json").read_bytes(), type=Results) == results


def test_the_published_schema_is_that_of_the_results() -> None:
    """The page docs/conformance names it for other programs."""
    assert SCHEMA_FILE.read_bytes() == schema_json()


@pytest.mark.parametrize(
    ("statuses", "message", "colour"),
    [
        (PASSED, "core 2/2 · streaming", "brightgreen"),
        ([Status.PASS, Status.WARN, Status.PASS, Status.INFO], "core 1/2 · streaming", "green"),
        ([Status.FAIL, Status.PASS, Status.NOT_APPLICABLE, Status.INFO], "core 1/2", "red"),
        ([Status.PASS, Status.PASS, Status.FAIL, Status.INFO], "core 2/2 · streaming 0/1", "red"),
        ([Status.ERROR, Status.ERROR, Status.ERROR, Status.ERROR], "core 0/2 · streaming 0/1", "red"),
    ],
)
def test_the_badge_says_how_many(statuses: list[Status], message: str, colour: str) -> None:
    """The core is what everybody is asked for; what is only measured does not count, and a feature stands beside it."""
    shown = json.loads(badge(results_with(statuses)))
    assert (shown["message"], shown["color"], shown["schemaVersion"]) == (message, colour, 1)


def test_the_summary_lists_what_is_not_met() -> None:
    """A row for each section, and one for each case with something to say."""
    text = summary(results_with([Status.FAIL, Status.PASS, Status.PASS, Status.INFO]))
    assert "## my-runtime 2.0: not conformant" in text
    assert "| RT-ONE the first | 1 | 1 | 0 | 0 |" in text
    assert "| RT-ONE-001 must-hold | MUST | fail | something | something else |" in text
    assert "RT-ONE-002 should-hold" not in text


def test_the_terminal_says_what_was_expected_seen_and_how_to_run_it_again() -> None:
    """A failure is told in full, the rest in a line each."""
    results = results_with([Status.FAIL, Status.PASS, Status.NOT_APPLICABLE, Status.INFO])
    again = "pilotlight conform runtime -k {id} -- sh -c 'exec \"${HOME}\"/bootstrap'"
    lines = list(report(results, lambda text, colour: text, again=again, out=Path("out")))
    assert lines[0] == "runtime: my-runtime 2.0    profile: core+streaming    rev 2026.11"
    told = "\n".join(lines)
    assert (
        "expected  something\n      actual    something else\n      note      a note\n"
        "      see       https://example.org/one" in told
    )
    assert (
        "wire      out/wire/nothing.txt\n      again     pilotlight conform runtime -k RT-ONE-001 "
        "-- sh -c 'exec \"${HOME}\"/bootstrap'" in told
    )
    assert lines[-1] == "NOT CONFORMANT (core+streaming)"
    assert len([line for line in lines if "should-hold" in line]) == 1
    assert Level.MUST.value in told


def test_what_is_blocked_is_not_said_to_have_failed() -> None:
    """It was not looked at."""
    results = results_with([Status.FAIL, Status.BLOCKED, Status.BLOCKED, Status.INFO])
    totals = list(report(results, lambda text, colour: text, again="", out=None))[-2]
    assert totals.startswith("2 MUST 0 passed 1 failed 1 blocked · 1 SHOULD 0 passed 0 not 1 blocked · ")

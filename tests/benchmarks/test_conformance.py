"""The suite at work: what is published, and whether it says the same every time."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rich.console import Console

from benchmarks.conformance.publish import BEGIN, END, PUBLISHED, missing_programs, scrubbed, with_results
from benchmarks.conformance.repeat import run
from benchmarks.servers import REPOSITORY
from runtime_api.conformance.report.folder import results_json
from runtime_api.conformance.report.results import Results
from runtime_api.conformance.verdicts import Status
from tests.runtime_api.conformance.suites import results_with

PASSED = [Status.PASS, Status.PASS, Status.PASS, Status.INFO]
WARNED = [Status.PASS, Status.WARN, Status.PASS, Status.INFO]


def test_results_name_no_folder_of_this_machine() -> None:
    """Neither the repository's nor the interpreter's nor that of a scenario."""
    seen = f"{REPOSITORY}/bootstrap/loop.py, {sys.prefix}/lib, {tempfile.gettempdir()}/conform-ab12_cd3/task/conf.py"
    results = scrubbed(results_json(results_with(WARNED, actual=seen)).decode())
    assert results.cases[1].findings[0].actual == "./bootstrap/loop.py, .venv/lib, /tmp/conform/task/conf.py"


@pytest.mark.parametrize("file", sorted(PUBLISHED.glob("*/*/*.*")), ids=lambda file: f"{file.parent.name}-{file.name}")
def test_published_files_name_no_folder_of_any_machine(file: object) -> None:
    """Whoever made them."""
    text = file.read_text()  # type: ignore[attr-defined]
    assert [mark for mark in ("/home/", "/root/", "/Users/", "/work/") if mark in text] == []


def test_what_is_not_installed_is_told() -> None:
    """A command whose peer is missing is not judged: that would be a verdict on nothing."""
    assert missing_programs(("sh", "-c", "exec", ".peers/nobody/bin/nothing")) == [".peers/nobody/bin/nothing"]


def test_a_readme_keeps_what_was_written_by_hand() -> None:
    """Only what is between its marks is made anew, and twice the same."""
    page = f"# Mine\n\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_results(page, results_with(PASSED))
    assert once.startswith(f"# Mine\n\n{BEGIN}\n\n## my-runtime 2.0: conformant\n")
    assert once.endswith(f"\n{END}\nafter\n")
    assert with_results(once, results_with(PASSED)) == once
    with pytest.raises(ValueError, match="no part between"):
        with_results("# Mine\n", results_with(PASSED))


@dataclass
class Court:
    """Judges by a list of results."""

    verdicts: Iterator[Results]

    def judge(self, mode: str) -> Results:
        """The next one."""
        return next(self.verdicts)


def test_a_run_with_other_verdicts_is_found() -> None:
    """And what it found is shown."""
    court = Court(iter([results_with(PASSED), results_with(WARNED), results_with(PASSED)]))
    told = io.StringIO()
    result = run("runtime", 3, Console(file=told), court.judge)
    values = {figure.name: figure.value for figure in result.figures}
    assert (values["distinct sets of verdicts"], values["runs with other verdicts than the usual ones"]) == (2, 1)
    assert "run 2: RT-ONE-002 warn: expected something, seen something else" in told.getvalue()

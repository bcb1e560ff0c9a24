"""summary.md: the run in short, for the job summary of a CI run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from runtime_api.conformance.cases import Level
from runtime_api.conformance.report.results import CaseResult, Results
from runtime_api.conformance.verdicts import Status


def summary(results: Results) -> str:
    """The document: the verdict, a row for each section, a row for each case that is not met."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    subject = f"{results.subject.name} {results.subject.version}".strip()
    yield f"## {_cell(subject)}: {results.verdict}{' in part' if results.is_partial else ''}"
    yield ""
    yield f"{results.mode}, {' + '.join(results.profile)}, revision {results.revision}, {results.seconds:.1f} s; {_occasion(results)}"
    yield ""
    yield "| Section | Passed | MUST failed | SHOULD not met | Not applicable |"
    yield "|---|---:|---:|---:|---:|"
    for prefix, group in groupby(results.cases, key=lambda case: case.section):
        yield _section_row(f"{prefix} {results.sections[prefix]}", list(group))
    for name in results.stale:
        yield from ("", f"**{name}** is listed in the baseline, and passes.")
    unmet = [case for case in results.cases if case.findings or case.status in (Status.BLOCKED, Status.ERROR)]
    if unmet:
        yield ""
        yield "| Case | Level | Status | Expected | Seen |"
        yield "|---|---|---|---|---|"
        yield from map(_case_row, unmet)


def _occasion(results: Results) -> str:
    machine = f"{results.machine.system}, {results.machine.processors} processors"
    return f"{results.tool.name} {results.tool.version} on {results.started[:10]}, {machine}"


def _section_row(title: str, cases: list[CaseResult]) -> str:
    passed = sum(case.is_met for case in cases)
    must = sum(case.is_unmet and case.counts_as is Level.MUST for case in cases)
    should = sum(case.is_unmet and case.counts_as is Level.SHOULD for case in cases)
    skipped = sum(case.status is Status.NOT_APPLICABLE for case in cases)
    return f"| {_cell(title)} | {passed} | {must} | {should} | {skipped} |"


def _case_row(case: CaseResult) -> str:
    expected = "; ".join(finding.expected for finding in case.findings)
    actual = "; ".join(finding.actual for finding in case.findings) or "; ".join(case.notes)
    status = f"known: {case.known}" if case.known else case.status.value
    cells = (f"{case.id} {case.slug}", case.level.value, status, expected, actual)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

"""The report on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from runtime_api.conformance.cases import PROVENANCE, Case, Level
from runtime_api.conformance.report.results import CaseResult, Results
from runtime_api.conformance.verdicts import Status

MARKS = {
    Status.PASS: "✓",
    Status.INFO: "·",
    Status.WARN: "!",
    Status.FAIL: "✗",
    Status.BLOCKED: "■",
    Status.ERROR: "E",
    Status.NOT_APPLICABLE: "-",
}
_COLOURS = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "red",
    Status.BLOCKED: "magenta",
    Status.ERROR: "red",
}
_WIDTH = 100
_SLUG = 26

Paint = Callable[[str, str], str]


def report(results: Results, paint: Paint, *, again: str, out: Path | None) -> Iterator[str]:
    """The lines. `paint` colours a text, or does not; `again` is the command line that runs one case, with `{id}` for it."""
    subject = results.subject
    what = f"{subject.name} {subject.version}".strip()
    yield f"{results.mode}: {what}    profile: {'+'.join(results.profile)}    rev {results.revision}"
    for prefix, cases in groupby(results.cases, key=lambda case: case.section):
        yield from _section(f"{prefix.partition('-')[2]}  {results.sections[prefix]}", list(cases), paint, again, out)
    yield ""
    yield _totals(results)
    for name in results.stale:
        yield paint(f"stale: {name} is listed in the baseline, and passes", "red")
    verdict = results.verdict.upper() + (": the harness failed" if results.count(Status.ERROR) else "")
    scope = _selected(len(results.cases)) if results.is_partial else "+".join(results.profile)
    yield paint(f"{verdict} ({scope})", "red" if results.exit_code else "green")


def _selected(count: int) -> str:
    return f"the {count} cases selected" if count > 1 else "the one case selected"


def _section(title: str, cases: list[CaseResult], paint: Paint, again: str, out: Path | None) -> Iterator[str]:
    judged = sum(case.status is not Status.NOT_APPLICABLE for case in cases)
    yield ""
    yield f"{title:<64} {judged} {'check' if judged == 1 else 'checks'}"
    for case in cases:
        mark = paint(MARKS[case.status], _COLOURS.get(case.status, ""))
        yield f"  {mark} {case.slug:<{_SLUG}} {_aside(case)}".rstrip()
        if case.findings or case.status is Status.ERROR:
            yield from _details(case, again, out)


def _aside(case: CaseResult) -> str:
    if case.status is Status.NOT_APPLICABLE:
        return "; ".join(case.notes)
    if case.findings or case.status in (Status.BLOCKED, Status.ERROR):
        known = f"   known: {case.known}" if case.known else ""
        blocked = f"   {'; '.join(case.notes)}" if case.status is Status.BLOCKED else ""
        return f"{case.level.value:<6}  {' '.join(case.provenance)}{blocked}{known}"
    time = f"{case.ms / 1000:.1f}s" if case.ms >= 1000 else f"{case.ms:.0f}ms"
    return f"{time:>7}  {'; '.join(case.notes)}"


def _details(case: CaseResult, again: str, out: Path | None) -> Iterator[str]:
    yield from _wrapped("", case.requirement)
    for finding in case.findings:
        yield from _wrapped("expected", finding.expected)
        yield from _wrapped("actual", finding.actual)
    if case.notes:
        yield from _wrapped("error" if case.status is Status.ERROR else "note", "; ".join(case.notes))
    for ref in case.refs:
        yield f"      see       {ref}"
    if out is not None:
        yield f"      wire      {', '.join(str(out / 'wire' / f'{name}.txt') for name in case.evidence)}"
    yield f"      again     {again.replace('{id}', case.id)}"


def _wrapped(label: str, text: str) -> Iterator[str]:
    indent = " " * (6 if not label else 16)
    first = f"      {label:<10}" if label else indent
    yield from textwrap.wrap(
        " ".join(text.split()) or "nothing", _WIDTH, initial_indent=first, subsequent_indent=indent
    )


def _totals(results: Results) -> str:
    known = sum(bool(case.known) for case in results.cases)
    parts = [
        _counts(results, Level.MUST, "failed"),
        _counts(results, Level.SHOULD, "not"),
        f"{results.count(Status.NOT_APPLICABLE)} n/a",
        f"{results.count(Status.ERROR)} errors",
        *([f"{known} known"] if known else []),
        f"{results.seconds:.1f}s",
    ]
    return " · ".join(parts)


def _counts(results: Results, level: Level, wanting: str) -> str:
    # What nobody could judge is none of these, and counted beside them.
    passed = sum(case.is_met and case.counts_as is level for case in results.cases)
    failed = results.count(Status.FAIL, Status.WARN, level=level)
    blocked = results.count(Status.BLOCKED, level=level)
    text = f"{passed + failed + blocked} {level.value} {passed} passed {failed} {wanting}"
    return f"{text} {blocked} blocked" if blocked else text


def listing(cases: list[Case]) -> Iterator[str]:
    """A line for each case: id, slug, level, provenance, features."""
    for case in cases:
        needs = f"  [{', '.join(case.features)}]" if case.features else ""
        yield f"{case.id:<12} {case.slug:<{_SLUG}} {case.level.value:<7}{case.provenance:<4} {case.requirement}{needs}"


def explanation(case: Case) -> Iterator[str]:
    """All there is to know of a case."""
    yield f"{case.id} {case.slug}"
    yield ""
    yield from textwrap.wrap(case.requirement, _WIDTH)
    if case.explanation:
        yield ""
        yield from textwrap.wrap(" ".join(case.explanation.split()), _WIDTH)
    yield ""
    yield f"level       {case.level.value}, after {'; '.join(PROVENANCE[letter] for letter in case.provenance)}"
    if case.features:
        yield f"features    {', '.join(case.features)}: judged where declared"
    if case.depends_on:
        yield f"depends on  {', '.join(case.depends_on)}"
    yield f"scenarios   {', '.join(scenario.name for scenario in case.needs)}"
    yield f"scored in   {case.revision} and later"
    for ref in case.refs:
        yield f"see         {ref}"

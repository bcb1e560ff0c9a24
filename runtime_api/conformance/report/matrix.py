"""The page that puts the published results of a revision side by side.

python -m runtime_api.conformance.report.matrix docs/conformance/results/2026.11 > docs/conformance/matrix.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from runtime_api.conformance.cases import Level
from runtime_api.conformance.report.results import CaseResult, Results
from runtime_api.conformance.report.terminal import MARKS
from runtime_api.conformance.verdicts import Status

# A blank is easier to look past in a table.
_MARKS = {**MARKS, Status.NOT_APPLICABLE: ""}
_LEGEND = (
    "✓ met · ✗ a MUST that is not met · ! a SHOULD that is not met · ■ blocked by a case it depends on · `·` measured, or a MAY that is"
    " not met · blank: the feature is not declared, or the case is newer than the results."
)


def read_published(folder: Path) -> dict[str, Results]:
    """The results of a revision, by `<mode>/<implementation>`. Raises OSError and msgspec.DecodeError."""
    files = sorted(folder.glob("*/*/results.json"))
    return {
        file.parent.relative_to(folder).as_posix(): msgspec.json.decode(file.read_bytes(), type=Results)
        for file in files
    }


def matrix(published: dict[str, Results]) -> str:
    """The page, in Markdown: for each mode a row for each implementation, then a row for each case."""
    return "\n".join(_lines(published)) + "\n"


def _lines(published: dict[str, Results]) -> Iterator[str]:
    yield f"# Results, revision {', '.join(sorted({results.revision for results in published.values()}))}"
    yield ""
    yield "Made by `make results`. Each name leads to how that was judged, and to what is not met and why."
    yield "A verdict is of this suite, on the day it names: whoever wrote an implementation did not ask for it."
    yield ""
    yield _LEGEND
    for mode, title in (("runtime", "Runtimes"), ("server", "Servers")):
        chosen = {name: results for name, results in published.items() if results.mode == mode}
        if chosen:
            yield from _mode(title, chosen)


def _mode(title: str, published: dict[str, Results]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield "| Implementation | Version | Verdict | MUST | SHOULD | Features | Judged on |"
    yield "|---|---|---|---:|---:|---|---|"
    for name, results in published.items():
        yield _implementation(name, results)
    yield ""
    yield _row(["Case", "Level", *(_link(name, results) for name, results in published.items())])
    yield _row(["---", "---", *(":-:" for _ in published)])
    found = [{case.id: case for case in results.cases} for results in published.values()]
    for case in _in_order(published.values()):
        marks = [_mark(by_id.get(case.id)) for by_id in found]
        yield _row([f"[{case.id}](cases.md#{case.id.lower()}-{case.slug}) {case.slug}", case.level.value, *marks])


def _implementation(name: str, results: Results) -> str:
    features = ", ".join(results.profile[1:])
    counts = (_met(results, Level.MUST), _met(results, Level.SHOULD))
    return _row(
        [_link(name, results), results.subject.version, results.verdict, *counts, features, results.started[:10]]
    )


def _link(name: str, results: Results) -> str:
    return f"[{results.subject.name}](results/{results.revision}/{name}/README.md)"


def _met(results: Results, level: Level) -> str:
    judged = [case for case in results.cases if case.counts_as is level and case.status is not Status.NOT_APPLICABLE]
    return f"{sum(case.is_met for case in judged)}/{len(judged)}"


def _in_order(published: Iterable[Results]) -> list[CaseResult]:
    """Every case that any of them was judged by, in the order of the newest."""
    newest_first = sorted(published, key=lambda results: results.started, reverse=True)
    cases = {case.id: case for results in newest_first for case in results.cases}
    return list(cases.values())


def _mark(case: CaseResult | None) -> str:
    return _MARKS[case.status] if case else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(matrix(read_published(Path(sys.argv[1]))))

"""The documentation page of all cases, made from their declarations.

python -m runtime_api.conformance.report.reference > docs/conformance/cases.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from runtime_api.conformance.cases import FEATURES, PROVENANCE, REVISION, Case, Catalogue
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.server.catalogue import SERVER_CASES


def reference(*catalogues: Catalogue) -> str:
    """The page, in Markdown."""
    return "\n".join(_lines(catalogues)) + "\n"


def _lines(catalogues: tuple[Catalogue, ...]) -> Iterator[str]:
    yield f"# The cases, revision {REVISION}"
    yield ""
    yield "Made from their declarations by `python -m runtime_api.conformance.report.reference`. `pilotlight conform runtime --explain ID`"
    yield "tells the same of one whose id begins with RT, `pilotlight conform server --explain ID` of one with SV."
    yield ("The letters name the source: " + "; ".join(f"{letter} {text}" for letter, text in PROVENANCE.items()) + ".")
    yield ""
    yield (
        "Features are judged where they are declared: "
        + "; ".join(f"`{name}` {text}" for name, text in FEATURES.items())
        + "."
    )
    for catalogue in catalogues:
        for section in catalogue.sections:
            if section.cases:
                yield ""
                yield f"## {section.prefix}: {section.title}"
                for case in section.cases:
                    yield from _case(case)


def _case(case: Case) -> Iterator[str]:
    features = f" · {', '.join(case.features)}" if case.features else ""
    yield ""
    yield f"### {case.id} {case.slug}"
    yield ""
    yield f"{case.level.value} · {case.provenance}{features}. {case.requirement}"
    if case.explanation:
        yield ""
        yield case.explanation
    if case.refs:
        yield ""
        yield " ".join(f"<{ref}>" for ref in case.refs)


if __name__ == "__main__":
    sys.stdout.write(reference(RUNTIME_CASES, SERVER_CASES))

"""report.html: one file that needs nothing else, with the wire logs in it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from runtime_api.conformance.cases import PROVENANCE
from runtime_api.conformance.report.results import Results
from runtime_api.conformance.verdicts import Status

_TEMPLATE = "page.html.jinja"
# The whole of every log would make a page of many MiB.
_LOG_CHARACTERS = 40_000


def page(results: Results, evidence: Mapping[str, str]) -> str:
    """The page; `evidence` is the text of each scenario's wire log."""
    sections = [(prefix, list(group)) for prefix, group in groupby(results.cases, key=lambda case: case.section)]
    loader = PackageLoader("runtime_api.conformance", "report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(
        results=results,
        sections=sections,
        provenance=PROVENANCE,
        evidence={name: _cut(text) for name, text in evidence.items()},
        counts={status.value: results.count(status) for status in Status if results.count(status)},
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LOG_CHARACTERS else f"{text[:_LOG_CHARACTERS]}\n… {len(text)} characters in all"

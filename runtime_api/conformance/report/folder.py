"""The folder of a run: every report, and the evidence by scenario."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

import msgspec

from runtime_api.conformance.cases import Case
from runtime_api.conformance.report.badge import badge
from runtime_api.conformance.report.junit import junit
from runtime_api.conformance.report.page import page
from runtime_api.conformance.report.results import Results
from runtime_api.conformance.report.summary import summary

_EVIDENCE = "wire"


def write_reports(folder: Path, results: Results, evidence: Mapping[str, str]) -> None:
    """Write results.json, junit.xml, report.html, summary.md, badge.json, and each scenario's evidence. Raises OSError."""
    (folder / _EVIDENCE).mkdir(parents=True, exist_ok=True)
    # Those of an earlier run would be taken for this one's.
    for log in (folder / _EVIDENCE).glob("*.txt"):
        log.unlink()
    (folder / "results.json").write_bytes(results_json(results))
    (folder / "junit.xml").write_text(junit(results), encoding="utf-8")
    (folder / "report.html").write_text(page(results, evidence), encoding="utf-8")
    (folder / "summary.md").write_text(summary(results), encoding="utf-8")
    (folder / "badge.json").write_text(badge(results), encoding="utf-8")
    for name, text in evidence.items():
        (folder / _EVIDENCE / f"{name}.txt").write_text(text, encoding="utf-8")


def results_json(results: Results) -> bytes:
    """The results for other programs, readable to people as well."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"


def cases_json(cases: list[Case]) -> bytes:
    """Declarations for other programs, by the names they have in results.json."""
    names = ("id", "slug", "level", "provenance", "refs", "requirement", "features", "depends_on", "revision")
    told = [{name: getattr(case, name) for name in names} for case in cases]
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def schema_json() -> bytes:
    """The JSON schema of results.json."""
    schema = msgspec.json.schema(Results)
    for definition in schema["$defs"].values():
        # Before Python 3.13 docstrings have the indentation of their place.
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"

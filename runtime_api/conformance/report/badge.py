"""The badge: an endpoint badge's JSON, such as shields.io reads it."""

from __future__ import annotations

import json

from runtime_api.conformance.cases import Level
from runtime_api.conformance.report.results import CaseResult, Results
from runtime_api.conformance.verdicts import Status


def badge(results: Results) -> str:
    """Label, message such as `core 68/68 · streaming`, and colour.

    The core is what is demanded of everybody: every MUST and SHOULD that no feature gates. A feature that is declared and not
    wholly there says how far it is.
    """
    core = [case for case in _counted(results) if not case.features]
    scope = "part" if results.is_partial else "core"
    features = [_feature(name, results) for name in results.profile[1:]]
    message = " · ".join([f"{scope} {_met_of(core)}", *filter(None, features)])
    colour = "brightgreen" if all(case.is_met for case in _counted(results)) else "green"
    if results.exit_code:
        colour = "red"
    return (
        json.dumps({"schemaVersion": 1, "label": f"lambda {results.mode}", "message": message, "color": colour}) + "\n"
    )


def _counted(results: Results) -> list[CaseResult]:
    return [
        case
        for case in results.cases
        if case.is_scored and case.status is not Status.NOT_APPLICABLE and case.level in (Level.MUST, Level.SHOULD)
    ]


def _feature(name: str, results: Results) -> str:
    gated = [case for case in _counted(results) if name in case.features]
    if not gated:
        return ""
    return name if all(case.is_met for case in gated) else f"{name} {_met_of(gated)}"


def _met_of(cases: list[CaseResult]) -> str:
    return f"{sum(case.is_met for case in cases)}/{len(cases)}"

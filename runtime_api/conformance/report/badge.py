"""The badge: an endpoint badge's JSON, such as shields.io reads it."""

from __future__ import annotations

import json

from runtime_api.conformance.report.results import Results
from runtime_api.conformance.verdicts import Status


def badge(results: Results) -> str:
    """Label, message such as `core 68/68 · streaming`, and colour."""
    scored = [case for case in results.cases if case.is_scored and case.status is not Status.NOT_APPLICABLE]
    met = sum(not case.is_unmet for case in scored)
    scope = "part" if results.is_partial else "core"
    message = " · ".join([f"{scope} {met}/{len(scored)}", *results.profile[1:]])
    colour = "red" if not results.conforms else "brightgreen" if met == len(scored) else "green"
    return (
        json.dumps({"schemaVersion": 1, "label": f"lambda {results.mode}", "message": message, "color": colour}) + "\n"
    )

from __future__ import annotations

from pathlib import Path

from runtime_api.conformance.report.reference import reference
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.server.catalogue import SERVER_CASES

PAGE = Path(__file__).parents[4] / "docs" / "conformance" / "cases.md"


def test_the_page_of_cases_is_made_from_their_declarations() -> None:
    """After a change: python -m runtime_api.conformance.report.reference > docs/conformance/cases.md."""
    assert PAGE.read_text() == reference(RUNTIME_CASES, SERVER_CASES)

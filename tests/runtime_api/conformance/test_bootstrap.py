"""Our own runtime conforms, in every feature there is."""

from __future__ import annotations

import sys
from pathlib import Path

from runtime_api.conformance.cases import FEATURES
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.runtime_stage.surroundings import HANDLERS
from runtime_api.conformance.target import Target

from .mutant_runs import verdicts_on

BOOTSTRAP = Path(__file__).parents[3] / "bootstrap" / "__main__.py"


async def test_our_bootstrap_meets_every_case() -> None:
    """Whatever the level."""
    target = Target((sys.executable, str(BOOTSTRAP)), HANDLERS / "python", frozenset(FEATURES))
    verdicts = await verdicts_on(target, RUNTIME_CASES)
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []

from __future__ import annotations

import pytest

from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.target import Pace

from .mutant_runs import target_of, verdicts_on


@pytest.mark.parametrize("number", [1, 2])
async def test_a_runtime_that_breaks_off_is_not_without_leaks(number: int) -> None:
    """Nothing is known of it after as many events as it was to take."""
    verdicts = await verdicts_on(target_of("RT-NEXT-008", number), [RUNTIME_CASES["RT-LIFE-003"]])
    assert verdicts["RT-LIFE-003"].findings


async def test_a_runtime_that_is_only_slow_is_judged_by_what_it_had_time_for() -> None:
    """However little that is."""
    slow = [RUNTIME_CASES[name] for name in ("RT-NEXT-008", "RT-RESP-001", "RT-RESP-002", "RT-LIFE-003")]
    verdicts = await verdicts_on(target_of("none"), slow, Pace(patience_s=3.0, endure_s=0.001))
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []

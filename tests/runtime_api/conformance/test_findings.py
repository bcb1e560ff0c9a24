"""What a report says of a defect: it names that one, and nothing that is not so."""

from __future__ import annotations

from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES

from .mutant_runs import target_of, verdicts_on


async def test_a_runtime_that_answers_twice_is_told_so_and_nothing_else() -> None:
    """It calls its handler once, and polls when it ought to."""
    names = ("RT-NEXT-004", "RT-NEXT-005", "RT-NEXT-006", "RT-RESP-002")
    verdicts = await verdicts_on(target_of("RT-RESP-002", 3), [RUNTIME_CASES[name] for name in names])
    (finding,) = verdicts.pop("RT-RESP-002").findings
    assert finding.actual == "40 of 50 answered twice, first the event number 0"
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []


async def test_a_runtime_that_polls_ahead_is_not_judged_by_chance() -> None:
    """Whether a poll is there before a frozen runtime's answer depends on who is quicker."""
    cases = [RUNTIME_CASES[name] for name in ("RT-NEXT-002", "RT-NEXT-004", "RT-RESP-011")]
    verdicts = await verdicts_on(target_of("RT-NEXT-004", 1), cases)
    assert verdicts["RT-RESP-011"].is_met
    assert (verdicts["RT-NEXT-004"].status.value, verdicts["RT-NEXT-002"].blocked_by) == ("fail", "RT-NEXT-004")

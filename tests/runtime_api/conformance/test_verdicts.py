from __future__ import annotations

from runtime_api.conformance.cases import MUST
from runtime_api.conformance.messages import NotJson
from runtime_api.conformance.verdicts import World, shown

from .suites import small_catalogue


def test_what_a_runtime_prints_does_nothing_to_a_terminal() -> None:
    """All that cannot be printed is escaped, but for line feeds, which the reports wrap anyway."""
    assert shown("\x1b]0;owned\x07\nGrüße\u202e\ud800") == r"\x1b]0;owned\x07" + "\nGrüße" + r"\u202e\ud800"


def test_values_are_shown_as_no_language_in_particular_writes_them() -> None:
    """Whoever reads a report need not know Python."""
    values = [b"NaN", NotJson("Expecting value"), {"length": 64, "more": None}, ["a", b"b", (1, True)], {4: {1}}]
    told = ["NaN", "no JSON: Expecting value", '{"length": 64, "more": null}', '["a", "b", [1, true]]', '{"4": "{1}"}']
    assert [shown(value) for value in values] == told


def test_every_text_of_a_verdict_is_safe_to_show() -> None:
    """What was seen gets into what was expected, and into notes."""
    world = World(next(iter(small_catalogue())))
    world.check(False, "\x1b[2J", b"\x1b", level=MUST)
    world.note("\x9b2J")
    verdict = world.verdict(0.0, ())
    assert (verdict.findings[0].expected, verdict.findings[0].actual) == (r"\x1b[2J", r"\x1b")
    assert verdict.notes == (r"\x9b2J",)

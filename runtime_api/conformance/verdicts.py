"""Verdicts: what a judge said of one case, and what that makes the case."""

from __future__ import annotations

import json
from enum import Enum

import msgspec

from runtime_api.conformance.cases import Case, Level
from runtime_api.conformance.messages import NotJson


class Status(Enum):
    """What became of a case; later is worse, and a status only ever gets worse."""

    NOT_APPLICABLE = "n/a"
    PASS = "pass"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    BLOCKED = "blocked"
    ERROR = "error"


_WHEN_UNMET = {Level.MUST: Status.FAIL, Level.SHOULD: Status.WARN, Level.MAY: Status.INFO, Level.INFO: Status.INFO}


class Finding(msgspec.Struct, frozen=True):
    """One check that did not hold: what was expected, what was seen, and how much that matters."""

    expected: str
    actual: str
    level: Level


class Verdict(msgspec.Struct, frozen=True):
    """What became of one case. `notes` are what was measured, or why there is no judgement; `ms` is what its scenarios took.

    `evidence` names the scenarios the case was judged by; `blocked_by` the case without which it could not be.
    """

    case: Case
    status: Status
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    ms: float = 0.0
    evidence: tuple[str, ...] = ()
    blocked_by: str = ""

    @property
    def is_met(self) -> bool:
        """Whether nothing was found wanting, whatever the level."""
        return not self.findings and self.status in (Status.PASS, Status.INFO)

    @property
    def stands_in_the_way(self) -> bool:
        """Whether what depends on the case cannot be judged; what was found at a lower level than the case's own is beside the point."""
        if self.findings:
            return any(finding.level is self.case.level for finding in self.findings)
        return not self.is_met and self.status is not Status.NOT_APPLICABLE


class World:
    """What a judge speaks to. Checks are recorded; none of them ends the judge."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._is_applicable = True

    def check(self, holds: object, expected: str, actual: object = "", *, level: Level | None = None) -> bool:
        """Record whether something holds, and say so again, for a judge that has no use for what follows.

        `expected` is worded for the reader of a failure; `actual` is shown as text. `level` is the case's own when left out, else a
        lower one, for what its source asks for less strictly: the case then counts at that one.
        """
        if not holds:
            self._findings.append(Finding(printable(expected), shown(actual), level or self._case.level))
        return bool(holds)

    def note(self, text: str) -> None:
        """Record something measured."""
        self._notes.append(printable(text))

    def not_applicable(self, reason: str) -> None:
        """Record that what was judged has no way to show it, and that nothing is wrong with that."""
        self._is_applicable = False
        self.note(reason)

    def verdict(self, ms: float, evidence: tuple[str, ...]) -> Verdict:
        """What the checks so far amount to."""
        passed = Status.INFO if self._case.level is Level.INFO else Status.PASS
        if not self._is_applicable:
            passed = Status.NOT_APPLICABLE
        statuses = [passed, *(_WHEN_UNMET[finding.level] for finding in self._findings)]
        worst = max(statuses, key=list(Status).index)
        return Verdict(self._case, worst, tuple(self._findings), tuple(self._notes), ms, evidence)


_SHOWN_CHARACTERS = 600


def shown(value: object) -> str:
    """A value as the reader of a report gets it, whatever language they write: text as it is, values as JSON, neither without end."""
    text = value if isinstance(value, str) else _plain(value)
    cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
    return printable(cut)


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, NotJson):
        return f"no JSON: {value.reason}"
    is_value = value is None or isinstance(value, bool | int | float | list | tuple | dict)
    return json.dumps(value, ensure_ascii=False, skipkeys=True, default=_plain) if is_value else repr(value)


def printable(text: str) -> str:
    """A text that does nothing to a terminal: all but its line feeds and what can be printed is escaped."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)

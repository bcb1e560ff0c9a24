"""The results of a run as they are published: `results.json` is this, and every other report is drawn from it.

Names are never changed and members only added within one `schema`; docs/conformance/results.schema.json says it for other programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from runtime_api.conformance.baseline import Known
from runtime_api.conformance.cases import REVISION, Case, Catalogue, Level
from runtime_api.conformance.verdicts import Finding, Status, Verdict

SCHEMA = "pilotlight-conformance-1"

_OTHER_FAILURE = "the baseline lists it, for another failure: its message is not found in this one"
_LEVEL_OF = {Status.FAIL: Level.MUST, Status.WARN: Level.SHOULD}


class Tool(msgspec.Struct, frozen=True):
    """What judged."""

    name: str
    version: str


class Subject(msgspec.Struct, frozen=True):
    """What was judged: `command` started it, or `address` is where it was found."""

    name: str
    version: str = ""
    organisation: str = ""
    url: str = ""
    contact: str = ""
    command: tuple[str, ...] = ()
    address: str = ""


class Machine(msgspec.Struct, frozen=True):
    """Where."""

    system: str
    processors: int


class CaseResult(msgspec.Struct, frozen=True):
    """One case: its declaration, and what became of it. `known` is the baseline's reason, if it lists the case.

    `features`: it is judged only where these are declared; without any, a MUST or SHOULD belongs to the core.
    """

    id: str
    slug: str
    section: str
    level: Level
    provenance: str
    refs: tuple[str, ...]
    requirement: str
    status: Status
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    ms: float
    evidence: tuple[str, ...]
    is_scored: bool
    known: str = ""
    features: tuple[str, ...] = ()

    @property
    def counts_as(self) -> Level:
        """The level it counts at: its own, but that of its worst finding where a check was of a lower one."""
        return _LEVEL_OF.get(self.status, self.level)

    @property
    def is_unmet(self) -> bool:
        """Whether it counts against what was judged."""
        return self.status in (Status.FAIL, Status.WARN, Status.BLOCKED) and self.is_scored and not self.known

    @property
    def is_met(self) -> bool:
        """Whether every report counts it as met: it was judged, and is wanting in no more than a nicety. What is known is not met."""
        return self.status in (Status.PASS, Status.INFO) and not self.known


class Results(msgspec.Struct, frozen=True):
    """A whole run. `profile` is core and what was declared; `sections` are titles by id prefix; `stale` are baseline entries that pass.

    `is_partial`: only some of the mode's cases were selected. `strict`: what is a SHOULD fails as well. `conforms`: nothing fails that the
    baseline does not list.
    """

    schema: str
    tool: Tool
    mode: str
    revision: str
    subject: Subject
    machine: Machine
    profile: tuple[str, ...]
    started: str
    seconds: float
    conforms: bool
    is_partial: bool
    sections: dict[str, str]
    cases: tuple[CaseResult, ...]
    stale: tuple[str, ...] = ()
    strict: bool = False

    @property
    def verdict(self) -> str:
        """In words; where the harness failed somewhere, there is none."""
        if self.count(Status.ERROR):
            return "not judged"
        if not self.conforms:
            return "not conformant"
        if self.stale:
            return "conformant, but the baseline is stale"
        known = sum(bool(case.known) for case in self.cases)
        return f"conformant but for {known} known" if known else "conformant"

    @property
    def exit_code(self) -> int:
        """0 conforms · 1 does not, or the baseline is stale · 3 the harness failed somewhere."""
        if self.count(Status.ERROR):
            return 3
        return 0 if self.conforms and not self.stale else 1

    def fails(self, case: CaseResult) -> bool:
        """Whether a case is what fails the run."""
        return _fails(case, self.strict)

    def count(self, *statuses: Status, level: Level | None = None) -> int:
        """How many cases have one of these statuses, and count at that level."""
        return sum(case.status in statuses and level in (None, case.counts_as) for case in self.cases)


def results_of(
    catalogue: Catalogue,
    verdicts: Iterable[Verdict],
    *,
    mode: str,
    tool: Tool,
    subject: Subject,
    machine: Machine,
    features: Iterable[str],
    started: str,
    seconds: float,
    baseline: Mapping[str, Known],
    strict: bool = False,
) -> Results:
    """The results of these verdicts. `started` is an ISO time."""
    told = list(verdicts)
    cases = tuple(_case_result(verdict, baseline) for verdict in told)
    stale = tuple(verdict.case.id for verdict in told if verdict.case.id in baseline and verdict.is_met)
    titles = {case.section: catalogue.title_of(case.section) for case in cases}
    profile = ("core", *sorted(features))
    conforms = not any(_fails(case, strict) or case.status is Status.ERROR for case in cases)
    return Results(
        schema=SCHEMA,
        tool=tool,
        mode=mode,
        revision=REVISION,
        subject=subject,
        machine=machine,
        profile=profile,
        started=started,
        seconds=seconds,
        conforms=conforms,
        is_partial=len(cases) < len(list(catalogue)),
        sections=titles,
        cases=cases,
        stale=stale,
        strict=strict,
    )


def _fails(case: CaseResult, strict: bool) -> bool:
    return case.is_unmet and (case.counts_as is Level.MUST or (strict and case.counts_as is Level.SHOULD))


def _case_result(verdict: Verdict, baseline: Mapping[str, Known]) -> CaseResult:
    case = verdict.case
    listed = baseline.get(case.id) if _is_missing(verdict) else None
    known, notes = "", verdict.notes
    if listed and listed.explains(verdict):
        known = listed.reason
    elif listed:
        notes = (*notes, _OTHER_FAILURE)
    return CaseResult(
        id=case.id,
        slug=case.slug,
        section=case.section,
        level=case.level,
        provenance=case.provenance,
        refs=case.refs,
        requirement=case.requirement,
        status=verdict.status,
        findings=verdict.findings,
        notes=notes,
        ms=round(verdict.ms, 1),
        evidence=verdict.evidence,
        is_scored=_is_scored(case),
        known=known,
        features=case.features,
    )


def _is_missing(verdict: Verdict) -> bool:
    return bool(verdict.findings) or verdict.status is Status.BLOCKED


def _is_scored(case: Case) -> bool:
    return case.revision <= REVISION

"""Cases: what is demanded of a runtime or a server, each declared once.

Strategy: a case is data and one function. The list, the explanations, the documentation and every report are made from the data, so
they cannot disagree. The function is a judge: it gets the records of the scenarios the case needs, looks at them, and says by
`world.check(...)` what was expected and what was seen. Judges do no I/O; all of that is in the scenarios, each of which is played once
for all the cases that need it.

A level comes from its source. MUST: broken, invocations are lost or mixed up, and the Developer Guide, the published API description or
HTTP/1.1 itself says so. SHOULD: recommended, or done alike by AWS's own clients. MAY: a nicety. INFO: measured, never judged.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

REVISION = "2026.11"


class Level(Enum):
    """How much it matters, from most to least."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    INFO = "INFO"


MUST, SHOULD, MAY, INFO = Level

PROVENANCE = {
    "D": "the Lambda Developer Guide",
    "O": "the published OpenAPI description of the Runtime API, 1.0.3",
    "B": "the service model of the Lambda API",
    "H": "HTTP/1.1",
    "R": "the behaviour of AWS's Runtime Interface Emulator",
    "C": "two or more of AWS's runtime clients agree",
    "F": "a report from the field",
    "X": "this project's engineering judgement",
}
# What may back a MUST.
_BINDING = set("DOBH")

FEATURES = {
    "streaming": "answers are streamed when the handler asks for it",
    "snapstart": "restore hooks, with an initialization type of snap-start",
    "managed-instances": "several invocations at once, as on Lambda Managed Instances",
    "tenant": "tenant ids are passed on",
    "json-logs": "AWS_LAMBDA_LOG_FORMAT=JSON makes the log JSON",
    "invocation-id": "a server gives every attempt an id of its own",
    "extensions": "a server has the Extensions API",
    "telemetry": "a server has the Telemetry API",
    "concurrency": "a server starts as many sandboxes as there are calls at once",
    "reserved-concurrency": "a server can be told to run no more than one invocation at once",
    "async": "a server takes events to invoke the function later",
    "async-retries": "a server invokes again after an error, within seconds",
}


class InvalidCase(ValueError):
    """A declaration that contradicts itself or another one."""


@dataclass(frozen=True, eq=False)
class Scenario:
    """One course of events on a stage, played once for all the cases that need it. `play` gets the mode's stage.

    `alone`: no other scenario at the same time, because something is timed. `lasts_s` is about how long it takes, longest first.
    """

    name: str
    play: Callable[[Any], Awaitable[object]]
    alone: bool = False
    lasts_s: float = 0.5


def scenario(
    name: str, *, alone: bool = False, lasts_s: float = 0.5
) -> Callable[[Callable[[Any], Awaitable[object]]], Scenario]:
    """Make an `async def (stage)` a scenario; the name is what its evidence is filed under."""
    return lambda play: Scenario(name, play, alone, lasts_s)


@dataclass(frozen=True, eq=False)
class Case:
    """One demand. `judge` is called with the world and the record of each scenario in `needs`.

    `features`: judged only where all of these are declared. `depends_on`: ids of cases without which this one cannot be judged.
    `revision`: the first one it is scored in.
    """

    id: str
    slug: str
    level: Level
    provenance: str
    refs: tuple[str, ...]
    needs: tuple[Scenario, ...]
    judge: Callable[..., Awaitable[None] | None]
    features: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    revision: str = REVISION

    @property
    def section(self) -> str:
        """The id without its number, such as `RT-BOOT`."""
        return self.id.rpartition("-")[0]

    @property
    def requirement(self) -> str:
        """What is demanded, in one sentence: the first line of the judge's docstring."""
        return (self.judge.__doc__ or "").strip().partition("\n")[0]

    @property
    def explanation(self) -> str:
        """The rest of that docstring: how it is provoked, and what is accepted."""
        rest = (self.judge.__doc__ or "").strip().partition("\n")[2]
        return "\n".join(line.strip() for line in rest.strip().splitlines())


_Judge = TypeVar("_Judge", bound=Callable[..., "Awaitable[None] | None"])


class Section:
    """The cases on one subject, in the order they are reported; `features` are those that each of them needs."""

    def __init__(self, prefix: str, title: str, features: Iterable[str] = ()) -> None:
        self.prefix = prefix
        self.title = title
        self.features = tuple(features)
        self.cases: list[Case] = []

    def case(
        self,
        id: str,  # noqa: A002  (it is one)
        slug: str,
        level: Level,
        provenance: str,
        *,
        refs: Iterable[str] = (),
        needs: Iterable[Scenario],
        features: Iterable[str] = (),
        depends_on: Iterable[str] = (),
        revision: str = REVISION,
    ) -> Callable[[_Judge], _Judge]:
        """Declare a case; the judge's docstring is its text, `features` it needs beside the section's. Raises InvalidCase."""

        def declare(judge: _Judge) -> _Judge:
            made = Case(
                id=id,
                slug=slug,
                level=level,
                provenance=provenance,
                refs=tuple(refs),
                needs=tuple(needs),
                judge=judge,
                features=(*self.features, *features),
                depends_on=tuple(depends_on),
                revision=revision,
            )
            _validate(made, self)
            self.cases.append(made)
            return judge

        return declare


def _validate(case: Case, section: Section) -> None:
    if not re.fullmatch(re.escape(section.prefix) + r"-\d{3}", case.id):
        raise InvalidCase(f"{case.id} is not in section {section.prefix}")
    if not case.requirement:
        raise InvalidCase(f"{case.id}: the judge has no docstring, which is the text of the case")
    if not case.provenance or set(case.provenance) - set(PROVENANCE):
        raise InvalidCase(f"{case.id}: provenance {case.provenance!r} is not made of {''.join(PROVENANCE)}")
    if case.level is MUST and not set(case.provenance) & _BINDING:
        raise InvalidCase(f"{case.id}: {case.provenance} alone cannot back a MUST")
    if set(case.features) - set(FEATURES):
        raise InvalidCase(f"{case.id}: unknown feature in {case.features}")


class Catalogue:
    """All the cases of one mode, by section."""

    def __init__(self, sections: Iterable[Section]) -> None:
        """Raises InvalidCase for a double id or slug, for a dependency that is nowhere, and for cases that wait for each other."""
        self.sections = tuple(sections)
        self._by_id = {case.id: case for case in self}
        count = sum(len(section.cases) for section in self.sections)
        if len(self._by_id) != count or len({case.slug for case in self}) != count:
            raise InvalidCase("two cases share an id or a slug")
        for case in self:
            for name in case.depends_on:
                if name not in self._by_id:
                    raise InvalidCase(f"{case.id} depends on {name}, which does not exist")
        try:
            TopologicalSorter({case.id: case.depends_on for case in self}).prepare()
        except CycleError as error:
            raise InvalidCase(f"cases depend on each other: {', '.join(error.args[1])}") from None

    @property
    def features(self) -> list[str]:
        """What can be claimed: the features its cases are judged by."""
        asked = {name for case in self for name in case.features}
        return [name for name in FEATURES if name in asked]

    def __iter__(self) -> Iterator[Case]:
        for section in self.sections:
            yield from section.cases

    def __getitem__(self, id: str) -> Case:  # noqa: A002  (it is one)
        return self._by_id[id]

    def title_of(self, prefix: str) -> str:
        """The title of a section."""
        return next(section.title for section in self.sections if section.prefix == prefix)

    def select(self, patterns: Iterable[str]) -> list[Case]:
        """The cases whose id or slug a pattern names: whole, by its beginning, or as a glob. All of them without a pattern."""
        wanted = tuple(patterns)
        return [case for case in self if not wanted or any(matches(case, pattern) for pattern in wanted)]


def matches(case: Case, pattern: str) -> bool:
    """Whether an id prefix (`RT`, `RT-NEXT`), a slug or a glob on either (`RT-NEXT-00?`, `freeze*`) means the case."""
    upper = pattern.upper()
    by_id = case.id == upper or case.id.startswith(upper.rstrip("-") + "-") or fnmatchcase(case.id, upper)
    return by_id or fnmatchcase(case.slug, pattern.lower())

"""Whatever a runtime or a server sends, a judge says what it misses: it never raises.

Strategy: records are drawn at random, but of the words that the judge looks for, which are read from its own code: names of headers and
members, types, values. What the suite itself keeps in a record is of the type it keeps there. What is too rare to be drawn is an example.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from random import Random
from types import CodeType, FunctionType
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.conformance.cases import Case
from runtime_api.conformance.messages import Request
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.runtime_stage.event import event
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Process, Run, Sample, call_of
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.verdicts import World

CASES = [*RUNTIME_CASES, *SERVER_CASES]
T = TypeVar("T")
IDS = ("one", "two", "a/b c")
HUGE = 10**400
TARGETS = [f"/2018-06-01{call.value.rpartition(' ')[2]}" for call in Call if call is not Call.OTHER]
MARKS = ("stalled", "time is up", "event after the long wait", "refused", "healed", "terminated", "restored")


@functools.cache
def words_of(judge: object) -> list[str]:
    """The words in a judge, in what it calls, and in the constants it names."""
    found: set[str] = set()
    functions: set[FunctionType] = set()
    ahead = [judge]
    while ahead:
        thing = ahead.pop()
        if isinstance(thing, str) and " " not in thing:
            found.add(thing)
        elif isinstance(thing, (tuple, list)):
            ahead.extend(thing)
        elif isinstance(thing, dict):
            ahead.extend((*thing.keys(), *thing.values()))
        elif isinstance(thing, CodeType):
            ahead.extend(thing.co_consts)
        elif isinstance(thing, FunctionType) and thing not in functions:
            functions.add(thing)
            known = thing.__globals__
            ahead.extend((thing.__code__, *(known[name] for name in thing.__code__.co_names if name in known)))
    return sorted(found)


class Draw:
    """What may come over the wire, by chance and of some words."""

    def __init__(self, chance: Random, words: list[str]) -> None:
        self.words = ["word", *words]
        self.one_of = chance.choice
        self.count = chance.randint
        self.ms = functools.partial(chance.uniform, 0.0, 5000.0)

    def several(self, make: Callable[[], T], most: int) -> list[T]:
        """A few of something, or none."""
        return [make() for _ in range(self.count(0, most))]

    def word(self) -> str:
        """What the judge may look for."""
        return self.one_of(self.words)

    def value(self, depth: int = 3) -> Any:  # noqa: ANN401
        """Any JSON."""
        kind = self.count(0, 5) if depth else 0
        if kind > 3:
            return {self.word(): self.value(depth - 1) for _ in range(self.count(0, 4))}
        if kind == 3:
            return self.several(lambda: self.value(depth - 1), 3)
        return self.one_of([None, True, 0, 1, 2.5, HUGE, self.one_of(IDS), self.word(), self.word()])

    def body(self) -> bytes:
        """JSON, or not."""
        return self.one_of([json.dumps(self.value()).encode(), json.dumps(self.value()).encode(), b"", b"\xff{"])

    def header(self) -> tuple[str, str]:
        """A field that may matter."""
        return self.word(), self.one_of(["", "9", "9" * 400, "9" * 5000, "[" * 5000, "\xb2", "soon", self.word()])

    def pieces(self) -> list[tuple[float, int]]:
        """The pieces of a body."""
        return self.several(lambda: (self.ms(), self.count(0, 9)), 2)

    def answer(self) -> Answer:
        """What comes back on a call."""
        status = self.one_of([0, 200, 200, 202, 400, 403])
        fault = self.one_of(["", "", "cut off"])
        return Answer(status, self.several(self.header, 4), self.body(), self.pieces(), fault=fault)

    def told(self) -> dict[str, Any]:
        """An event of telemetry."""
        members = {"time": self.value(), "type": self.word(), "record": self.value()}
        return {name: value for name, value in members.items() if self.count(0, 4)}

    def course(self) -> Course:
        """The record of a server. Of the facts, these come from it; all else is the suite's own."""
        events = self.several(self.told, 6)
        bodies = self.several(self.value, 2)
        facts = {"bodies": bodies, "events": events, "lines": events, "good id": IDS[0], "bad id": IDS[1]}
        return AnyCourse("function", 0.0, answers={str(at): self.answer() for at in range(4)}, facts=facts)

    def request(self) -> Request:
        """What a runtime sends."""
        target = self.one_of(TARGETS).replace("ID", self.one_of(IDS))
        return Request(
            1,
            self.ms(),
            self.one_of(["GET", "POST"]),
            target,
            self.several(self.header, 4),
            self.several(self.header, 2),
            self.body(),
            self.pieces(),
            truncated=not self.count(0, 4),
            malformed=self.one_of(["", "", "", "no method"]),
        )

    def exchange(self) -> Exchange:
        """A request and what became of it."""
        request = self.request()
        call, request_id = call_of(request)
        given_out = event({"value": 1}, request_id=self.one_of(IDS)) if call is Call.NEXT and self.count(0, 3) else None
        return Exchange(request, call, request_id, 0, None, self.one_of([None, self.ms()]), None, given_out)

    def process(self) -> Process:
        """A start of the command."""
        status = self.one_of([None, 0, 1, -9, -99])
        return Process(1, self.ms(), self.one_of([None, self.ms()]), status, "", self.body(), self.body())

    def run(self) -> Run:
        """The record of a runtime, which may be empty."""
        return Run(
            exchanges=self.several(self.exchange, 12),
            processes=self.several(self.process, 2),
            marks={name: self.ms() for name in self.several(lambda: self.one_of(MARKS), 3)},
            samples={name: Sample(0.0, 1, 1, 1) for name in self.several(lambda: self.one_of(["early", "late"]), 3)},
            decoy=self.several(self.request, 1),
        )


class AnyCourse(Course):
    """A course with an answer under every name."""

    def __getitem__(self, name: str) -> Answer:
        return self.answers[str(len(name) % len(self.answers))]

    def several(self, name: str) -> list[Answer]:
        return list(self.answers.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@settings(max_examples=15, derandomize=True, database=None, deadline=None)
@given(st.randoms(use_true_random=True))
def test_a_judge_copes_with_any_record(case: Case, chance: Random) -> None:
    """What is wrong with a runtime or a server is never taken for the harness's fault."""
    draw = Draw(chance, words_of(case.judge))
    records = [draw.run() if case.section.startswith("RT-") else draw.course() for _ in case.needs]
    case.judge(World(case), *records)


def answered(*results: object) -> Run:
    """The record of a runtime that gave these results."""
    exchanges = []
    for number, result in enumerate(results):
        poll = Exchange(Request(1, 0.0), Call.NEXT, "", 0, event=event({}, request_id=str(number)))
        body = json.dumps(result).encode()
        exchanges += [poll, Exchange(Request(1, 0.0, body=body), Call.RESPONSE, str(number), 0)]
    return Run(exchanges=exchanges)


def told(*events: object) -> Course:
    """The record of a server that delivered these events."""
    return Course("function", 0.0, facts={"events": list(events), "good id": IDS[0], "bad id": IDS[1]})


def done(**record: object) -> dict[str, object]:
    """An event on the first invocation."""
    return {"type": "platform.runtimeDone", "record": {"requestId": IDS[0], **record}}


SOON = {
    "invoke": Answer(200, body=b'{"deadlineMs": "soon"}'),
    "event": Answer(200, [("Lambda-Runtime-Deadline-Ms", "soon")]),
}
COUNTED: list[dict[str, object]] = [{"count": 1, "pid": [7]}, {"count": 2}, {"count": 3}]


@pytest.mark.parametrize(
    ("name", "record", "seen"),
    [
        ("RT-BOOT-005", answered(*COUNTED), "[[7], null, null]"),
        ("RT-BOOT-005", answered(*({**one, "pid": 7, "loaded_ms": None} for one in COUNTED)), '"loaded_ms": null'),
        ("RT-BOOT-005", answered(*({**one, "pid": 7, "loaded_ms": HUGE} for one in COUNTED)), '"loaded_ms": 1000'),
        ("RT-CTX-002", answered({"remaining": [[0, HUGE, 0], [0, "soon", 0]]}), '"soon"'),
        ("SV-EXT-006", Course("function", 0.0, answers=SOON), '"deadlineMs": "soon"'),
        ("SV-TEL-003", told({"type": "function"}), "[null]"),
        ("SV-TEL-006", told(done(status=["odd"]), {"record": {"requestId": IDS[0]}}), '[["odd"]]'),
        ("SV-TEL-010", told({"type": "platform.telemetrySubscription", "record": {"name": ["odd"]}}), '["odd"]'),
        ("SV-TEL-010", told({"type": "platform.telemetrySubscription"}), "[null]"),
    ],
)
def test_what_is_not_of_its_type_is_told(name: str, record: object, seen: str) -> None:
    """As what was seen, whether or not the case that demands the type is judged as well."""
    case = next(one for one in CASES if one.id == name)
    world = World(case)
    case.judge(world, record)
    assert any(seen in finding.actual for finding in world.verdict(0.0, ()).findings)

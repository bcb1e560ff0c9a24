"""The record of one scenario: all that was said, printed and done, for judges to look at. Times are in ms since the stage was opened."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote

from runtime_api.conformance.messages import Reply, Request
from runtime_api.conformance.runtime_stage.event import Event
from runtime_api.conformance.wire_log import WireEvent

# An event given so shortly before time is up need not be answered.
_ANSWER_MS = 1000.0
# How much of it a line that tells a story has room for.
_OTHERS = 3
_LAST_LINES = 3
_LINE_CHARACTERS = 120


class Call(Enum):
    """The calls of the Runtime API, and what is none of them."""

    NEXT = "GET /runtime/invocation/next"
    RESPONSE = "POST /runtime/invocation/ID/response"
    ERROR = "POST /runtime/invocation/ID/error"
    INIT_ERROR = "POST /runtime/init/error"
    RESTORE_NEXT = "GET /runtime/restore/next"
    RESTORE_ERROR = "POST /runtime/restore/error"
    OTHER = "any other"


# The date in front is left to a case of its own, so that one mistake is not every case's.
_ROUTES = (
    (Call.NEXT, "GET", re.compile(r"/[^/]*/runtime/invocation/next")),
    (Call.RESPONSE, "POST", re.compile(r"/[^/]*/runtime/invocation/(.*)/response")),
    (Call.ERROR, "POST", re.compile(r"/[^/]*/runtime/invocation/(.*)/error")),
    (Call.INIT_ERROR, "POST", re.compile(r"/[^/]*/runtime/init/error")),
    (Call.RESTORE_NEXT, "GET", re.compile(r"/[^/]*/runtime/restore/next")),
    (Call.RESTORE_ERROR, "POST", re.compile(r"/[^/]*/runtime/restore/error")),
)


def call_of(request: Request) -> tuple[Call, str]:
    """Which call a request is, and the request id in its path, decoded; empty where there is none."""
    for call, method, pattern in _ROUTES:
        found = pattern.fullmatch(request.target)
        if found and request.method == method and not request.malformed:
            return call, unquote(found[1]) if found.groups() else ""
    return Call.OTHER, ""


def is_http_1_0(request: Request) -> bool:
    """Whether it is of the version before, which knows no chunks."""
    return request.raw_head.partition(b"\r\n")[0].endswith(b" HTTP/1.0")


@dataclass(eq=False)
class Exchange:
    """A request and what became of it.

    `replied_ms`: the reply was handed to the network. `left_ms`: the runtime hung up before that. `event`: what a poll was given.
    `output_bytes`: how much the process had printed when the request was here.
    """

    request: Request
    call: Call
    request_id: str
    output_bytes: int
    reply: Reply | None = None
    replied_ms: float | None = None
    left_ms: float | None = None
    event: Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether the runtime is still waiting for the reply."""
        return self.replied_ms is None and self.left_ms is None


@dataclass
class Invocation:
    """An event that was handed out, with the poll that got it and every answer with its id. `silence`: what there was without one."""

    event: Event
    poll: Exchange
    answers: list[Exchange]
    silence: str

    @property
    def answer(self) -> Exchange | None:
        """The first answer, if there is one."""
        return self.answers[0] if self.answers else None

    @property
    def result(self) -> object:
        """The first answer's body as JSON if it is a success; else the text of what there was instead, equal to no result."""
        if self.answer is None:
            return NoResult(self.silence)
        if self.answer.call is Call.ERROR:
            return NoResult(f"an error: {self.answer.request.body[:200].decode('utf-8', 'backslashreplace')}")
        return self.answer.request.json


@dataclass(frozen=True, repr=False)
class NoResult:
    """Where a result should be, but is not."""

    reason: str

    def __repr__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Sample:
    """A look at the process: resident memory, open descriptors, children; -1 for what the system does not tell."""

    at_ms: float
    rss_bytes: int
    descriptors: int
    children: int


@dataclass
class Process:
    """One start of the command. `status`: what wait() told, negative for a signal; None while it runs, and where we had to end it."""

    pid: int = 0
    started_ms: float = 0.0
    ended_ms: float | None = None
    status: int | None = None
    ended_by_us: str = ""
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.status is None:
            return f"ran until the suite ended it: {self.ended_by_us}" if self.ended_by_us else "still runs"
        if self.status < 0:
            return f"was ended by {_signal_name(-self.status)}"
        return f"exited with status {self.status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@dataclass
class Run:
    """What happened in one scenario. `epoch_ms`: when the stage was opened. `decoy`: requests that went where none should.

    `over_ms`: when its last step was over.
    `left_behind`: how many processes were there after the end of the one that was started. `faults`: what the harness itself did wrong.
    """

    epoch_ms: float = 0.0
    over_ms: float = 0.0
    exchanges: list[Exchange] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    decoy: list[Request] = field(default_factory=list)
    connections: int = 0
    left_behind: int = 0
    faults: list[str] = field(default_factory=list)
    wire: list[WireEvent] = field(default_factory=list)

    def of(self, *calls: Call) -> list[Exchange]:
        """The exchanges of some calls, in order of arrival."""
        return [exchange for exchange in self.exchanges if exchange.call in calls]

    @property
    def polls(self) -> list[Exchange]:
        """All `next` calls."""
        return self.of(Call.NEXT)

    @property
    def answers(self) -> list[Exchange]:
        """All responses and errors."""
        return self.of(Call.RESPONSE, Call.ERROR)

    @property
    def init_errors(self) -> list[Exchange]:
        """All `init/error` calls."""
        return self.of(Call.INIT_ERROR)

    @property
    def invocations(self) -> list[Invocation]:
        """The events that were handed out, in that order."""
        by_id: dict[str, list[Exchange]] = {}
        for answer in self.answers:
            by_id.setdefault(answer.request_id, []).append(answer)
        taken = [(poll.event, poll) for poll in self.polls if poll.event is not None]
        return [
            Invocation(event, poll, answers, "" if answers else self._silence_after(poll))
            for event, poll in taken
            for answers in [by_id.get(event.request_id, [])]
        ]

    @property
    def results(self) -> list[object]:
        """The results of all of them."""
        return [invocation.result for invocation in self.invocations]

    @property
    def timely(self) -> list[Invocation]:
        """The invocations without what is unanswered because time was up so soon after it was handed out."""
        up_ms = self.marks.get("time is up", float("inf"))
        return [one for one in self.invocations if one.answer or up_ms - (one.poll.replied_ms or 0.0) >= _ANSWER_MS]

    @property
    def broken_off(self) -> str:
        """How the runtime ended or stalled in a row of events; empty where it took them all, or as many as there was time for."""
        return f"no more answers; {self.story}" if "stalled" in self.marks or self.process.status is not None else ""

    def answer(self, number: int) -> Exchange | None:
        """The first answer to the event that was handed out in this place, counted from 0; None where there is none."""
        taken = self.invocations
        return taken[number].answer if number < len(taken) else None

    def result(self, number: int) -> object:
        """The result of the event that was handed out in this place, counted from 0; a NoResult where there is none."""
        taken = self.invocations
        return taken[number].result if number < len(taken) else NoResult(f"the event was not taken: {self.story}")

    @property
    def process(self) -> Process:
        """The first start of the command; one that did nothing where there was none."""
        return self.processes[0] if self.processes else Process()

    @property
    def astray(self) -> str:
        """The first answers that were the only one to no event, as they were asked and answered; empty where there is none."""
        due = {one.event.request_id for one in self.invocations}
        astray = []
        for answer in self.answers:
            if answer.request_id not in due:
                astray.append(answer)
            due.discard(answer.request_id)
        return _told(astray)

    @property
    def story(self) -> str:
        """What the runtime did, in a line: for the `actual` of a check that misses something."""
        counts = [(len(self.of(call)), call) for call in Call]
        said = ", ".join(f"{count} x {call.value}" for count, call in counts if count) or "no request at all"
        others = _told(self.of(Call.OTHER))
        return f"{said}{others}; the process {self.process.ending}{_last_words(self.process.stderr)}"

    def _silence_after(self, poll: Exchange) -> str:
        process = self.process
        until_ms = self.over_ms if process.status is None else process.ended_ms or 0.0
        waited_s = (until_ms - (poll.replied_ms or poll.request.arrived_ms)) / 1000
        # What a process that goes on has printed may be about any other event.
        last_words = "" if process.status is None else _last_words(process.stderr)
        return f"no answer in {waited_s:.1f} s; the process {process.ending}{last_words}"


def _told(others: list[Exchange]) -> str:
    """What the first of these requests were, and how they were answered."""
    told = [
        f"{_line_of(one.request)}, answered {one.reply.status if one.reply else 'nothing'}" for one in others[:_OTHERS]
    ]
    return f" ({'; '.join(told)}{'; …' if len(others) > _OTHERS else ''})" if told else ""


def _line_of(request: Request) -> str:
    return f"malformed: {request.malformed}" if request.malformed else f"{request.method} {_cut(request.target)}"


def _last_words(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").split("\n") if line.strip()]
    more = "… | " if len(lines) > _LAST_LINES else ""
    return f"; last on stderr: {more}{' | '.join(map(_cut, lines[-_LAST_LINES:]))}" if lines else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LINE_CHARACTERS else f"{text[:_LINE_CHARACTERS]}…"

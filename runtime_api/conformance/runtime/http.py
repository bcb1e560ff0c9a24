"""HTTP: how a runtime treats its connection to the Runtime API."""

from __future__ import annotations

from typing import Literal

from runtime_api.conformance.cases import INFO, MUST, Scenario, Section, scenario
from runtime_api.conformance.connection import Manners
from runtime_api.conformance.messages import Reply, Request
from runtime_api.conformance.runtime.boot import REACHES_API, three_counted
from runtime_api.conformance.runtime_stage.event import event, op
from runtime_api.conformance.runtime_stage.record import Call, Run, is_http_1_0
from runtime_api.conformance.runtime_stage.scripted_api import ACCEPTED_REPLY
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import HTTP as RFC
from runtime_api.conformance.verdicts import World, shown

HTTP = Section("RT-HTTP", "the connection")

_EVENTS = 20
_BODY_BYTES = 2 * 1024 * 1024
_STALL_MS = 1500.0
# What a busy machine may add.
_SLACK_MS = 500.0
# A client may have one for what it does at the start, and one for its polls.
_CONNECTIONS_MAX = 2


@scenario("closing")
async def closing(stage: Stage) -> None:
    """Twenty events over connections that the server closes after every reply, as it says in the reply."""
    accepted = Reply(ACCEPTED_REPLY.status, ACCEPTED_REPLY.headers, ACCEPTED_REPLY.body, close=True)
    stage.api.set_reply(Call.RESPONSE, accepted, always=True)
    await stage.start()
    values = range(_EVENTS)
    await stage.serve(*(event({"op": "echo", "value": value}, delivery=Reply(close=True)) for value in values))


def _expecting(name: str, expect: Literal["continue", "ignore"]) -> Scenario:
    async def play(stage: Stage) -> None:
        stage.api.manners = Manners(expect=expect)
        await stage.start()
        await stage.serve(op("fill", length=_BODY_BYTES))

    return Scenario(name, play, lasts_s=1.0)


continuing = _expecting("expect-answered", "continue")
ignoring = _expecting("expect-ignored", "ignore")


@HTTP.case(
    "RT-HTTP-001", "close-each-time", MUST, "H", refs=[f"{RFC}#section-9.6"], needs=[closing], depends_on=[REACHES_API]
)
def copes_with_close(world: World, run: Run) -> None:
    """A server that closes the connection after each reply is served as well as any other.

    Every reply to twenty events says `Connection: close`.
    """
    answered = run.results == list(range(_EVENTS))
    world.check(answered, f"{_EVENTS} events answered", f"{shown(run.results)}; {run.story}")


@HTTP.case(
    "RT-HTTP-002", "keep-alive", INFO, "H", refs=[f"{RFC}#section-9.3"], needs=[three_counted], depends_on=[REACHES_API]
)
def keeps_alive(world: World, run: Run) -> None:
    """How many connections the runtime opens where the server keeps them open, as HTTP/1.1 does by itself."""
    told = f"{len(run.exchanges)} requests over {run.connections} connection{'' if run.connections == 1 else 's'}"
    world.note(told)
    old = [one.request for one in run.exchanges if is_http_1_0(one.request)]
    world.check(not old, "requests in HTTP/1.1", f"{len(old)} of {len(run.exchanges)} in HTTP/1.0")
    world.check(run.connections <= _CONNECTIONS_MAX, "a connection that is used again", told)


@HTTP.case(
    "RT-HTTP-003",
    "expect-continue",
    MUST,
    "H",
    refs=["https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1"],
    needs=[continuing, ignoring],
    depends_on=[REACHES_API],
)
def copes_with_expect(world: World, *runs: Run) -> None:
    """A runtime that sends Expect: 100-continue sends its body, whether it gets a 100 or nothing.

    The body has 2 MiB; one server answers 100, the other says nothing and waits. No wait may be longer than 1.5 s. A runtime that
    does not send the header passes.
    """
    for manner, run in zip(("after a 100", "without a 100"), runs, strict=True):
        answer = run.answer(0)
        if world.check(answer, f"an answer {manner}", run.story) and answer and answer.request.header("Expect"):
            stall_ms = _stall_ms(answer.request)
            world.note(f"{stall_ms:.0f} ms from head to body {manner}")
            whole = not answer.request.truncated and len(answer.request.body) >= _BODY_BYTES
            world.check(whole, f"the whole body {manner}", f"{len(answer.request.body)} bytes")
            in_time = stall_ms <= _STALL_MS + _SLACK_MS
            world.check(in_time, f"the body at most {_STALL_MS:.0f} ms after the head {manner}", f"{stall_ms:.0f} ms")


def _stall_ms(request: Request) -> float:
    began_ms = request.pieces[0][0] if request.pieces else float("inf")
    return began_ms - request.head_ms

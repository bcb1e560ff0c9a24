"""LMI: several invocations at once, as on Lambda Managed Instances."""

from __future__ import annotations

from itertools import pairwise

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import strict_json
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime.next import most_open
from runtime_api.conformance.runtime_stage.event import event, op
from runtime_api.conformance.runtime_stage.record import Invocation, Run
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import MANAGED_INSTANCES
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import ENV_INITIALIZATION_TYPE, ENV_MAX_CONCURRENCY, HEADER_TRACE_ID

LMI = Section("RT-LMI", "several invocations at once", features=["managed-instances"])
_TAKES_SEVERAL = "RT-LMI-001"

_LIMIT = 4
_MANAGED = {ENV_MAX_CONCURRENCY: str(_LIMIT), ENV_INITIALIZATION_TYPE: "lambda-managed-instances"}
_EVENTS, _EVENT_MS = 16, 150
# How long a poll too many has time to come.
_WATCH_S = 0.3
_WORKERS_S = 3.0
# What each of three events waits for: they end in another order than they came.
_WAITS_MS = (450, 150, 300)
_TRACES = [
    f"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e7{number:02};Parent=9a9197af755a6419;Sampled=1" for number in range(3)
]


@scenario("sixteen-at-once", lasts_s=1.5)
async def sixteen_at_once(stage: Stage) -> None:
    """Sixteen events that each take a while, for a runtime that may take four at once."""
    await stage.start(environment=_MANAGED)
    await stage.until(lambda: len(stage.api.parked) > 1, within_s=_WORKERS_S)
    await stage.rest(_WATCH_S)
    await stage.serve(*(op("sleep", ms=_EVENT_MS, value=value) for value in range(_EVENTS)))


@scenario("out-of-order", lasts_s=1.5)
async def out_of_order(stage: Stage) -> None:
    """Three events at once that end in another order than they came, each with a trace of its own."""
    await stage.start(environment=_MANAGED)
    await stage.until(lambda: len(stage.api.parked) >= len(_WAITS_MS), within_s=_WORKERS_S)
    numbered = enumerate(zip(_WAITS_MS, _TRACES, strict=True))
    await stage.serve(
        *(
            event({"op": "trace", "ms": ms, "value": value}, headers={HEADER_TRACE_ID: trace})
            for value, (ms, trace) in numbered
        )
    )


@LMI.case(
    _TAKES_SEVERAL,
    "up-to-n",
    MUST,
    "D",
    refs=[MANAGED_INSTANCES],
    needs=[sixteen_at_once],
    depends_on=[REACHES_API],
)
def takes_up_to_n(world: World, run: Run) -> None:
    """The runtime never has more polls open than AWS_LAMBDA_MAX_CONCURRENCY, and takes several events at once under load.

    The limit is 4; there are 16 events of 150 ms each.
    """
    most = most_open(run.polls)
    world.check(most <= _LIMIT, f"{_LIMIT} open polls at most", f"{most} at once")
    world.note(f"{most} polls at once")
    taken = sorted((one for one in run.invocations if one.answer), key=_given_ms)
    world.check(len(taken) == _EVENTS, f"{_EVENTS} events answered", run.story)
    together = any(_given_ms(second) < _answered_ms(first) for first, second in pairwise(taken))
    world.check(together, "an event taken while another one is worked on", run.story)


@LMI.case(
    "RT-LMI-002",
    "out-of-order-answers",
    MUST,
    "D",
    refs=[MANAGED_INSTANCES],
    needs=[out_of_order],
    depends_on=[_TAKES_SEVERAL],
)
def answers_out_of_order(world: World, run: Run) -> None:
    """Each answer carries the id of its own event when they end in another order than they came.

    Of three events the first takes 450 ms, the second 150 ms, the third 300 ms.
    """
    world.check(len(run.invocations) == len(_WAITS_MS), "three events taken", run.story)
    sent = {one.event.request_id: one for one in run.invocations}
    for answer in run.answers:
        expected = _value_of(sent[answer.request_id]) if answer.request_id in sent else None
        body = answer.request.json
        got = body.get("value") if isinstance(body, dict) else body
        world.check(got == expected, f"the result {expected} for its event", got)
    world.check(len(run.answers) == len(_WAITS_MS), "three answers", run.story)


@LMI.case(
    "RT-LMI-003",
    "no-shared-trace",
    SHOULD,
    "C",
    refs=[MANAGED_INSTANCES],
    needs=[out_of_order],
    depends_on=[_TAKES_SEVERAL],
)
def shares_no_trace(world: World, run: Run) -> None:
    """No handler sees the trace id of an event that another one works on at the same time.

    Each of three handlers looks before and after a while. None at all is accepted as well: a process that serves several events has
    only one environment.
    """
    bodies = [answer.request.json for answer in run.answers]
    told = [body for body in bodies if isinstance(body, dict) and isinstance(body.get("traces"), list)]
    world.check(len(told) == len(_TRACES), "three answers", run.story)
    for body in told:
        own = next((trace for number, trace in enumerate(_TRACES) if number == body.get("value")), None)
        strange = [trace for trace in body["traces"] if trace and trace != own]
        world.check(not strange, f"the trace {own}, or none", strange)


def _given_ms(invocation: Invocation) -> float:
    return invocation.poll.replied_ms or float("inf")


def _answered_ms(invocation: Invocation) -> float:
    return invocation.answer.request.began_ms if invocation.answer else float("inf")


def _value_of(invocation: Invocation) -> object:
    sent = strict_json(invocation.event.payload)
    return sent.get("value") if isinstance(sent, dict) else None

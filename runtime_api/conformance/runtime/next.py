"""NEXT: how a runtime polls for events."""

from __future__ import annotations

from runtime_api.conformance.cases import MUST, SHOULD, Scenario, Section, scenario
from runtime_api.conformance.messages import Reply, strict_json
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime.ending import END_S, WATCH_S
from runtime_api.conformance.runtime_stage.event import op
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Invocation, Run
from runtime_api.conformance.runtime_stage.scripted_api import ACCEPTED_REPLY, refusal
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import ENVIRONMENT, NEXT, OPENAPI
from runtime_api.conformance.verdicts import World, shown

POLLING = Section("RT-NEXT", "polling")

_POLLS_PER_S_MAX = 3
_CUT_S = 1.0
_CUT_POLLS_MAX = 100
_RECOVER_S = 5.0
_SLOW_ACCEPT_MS = 300.0
_HANDLER_MS = 100
# Two connections may be read in the other order than they were written.
_ORDER_MS = 50.0
_THOUSAND = 1000
_FIRST = 25


@scenario("held-poll", lasts_s=6.5)
async def held_poll(stage: Stage) -> None:
    """A poll is left without an event for long, then gets one."""
    await stage.start()
    await stage.idle()
    await stage.rest(stage.pace.hold_s)
    stage.mark("event after the long wait")
    await stage.serve(op("counter"))


@scenario("frozen-poll", lasts_s=3.0)
async def frozen_poll(stage: Stage) -> None:
    """The process is stopped while it polls; the event comes before it goes on."""
    await stage.start()
    await stage.idle()
    await stage.serve_frozen(op("counter"), stage.pace.freeze_s)


@scenario("slow-accept")
async def slow_accept(stage: Stage) -> None:
    """Four events whose handler takes its time, and whose answers are accepted late."""
    slow = Reply(ACCEPTED_REPLY.status, ACCEPTED_REPLY.headers, ACCEPTED_REPLY.body, delay_ms=_SLOW_ACCEPT_MS)
    stage.api.set_reply(Call.RESPONSE, slow, always=True)
    await stage.start()
    await stage.serve(*(op("sleep", ms=_HANDLER_MS, value=number) for number in range(4)))
    # A second poller, if there is one, is back only after its own answer was accepted.
    await stage.rest(_SLOW_ACCEPT_MS / 1000 + 0.1)


def _refused(name: str, refused: Reply) -> Scenario:
    async def play(stage: Stage) -> None:
        stage.api.set_reply(Call.NEXT, refused, always=True)
        stage.send(op("echo", value="before"))
        await stage.start()
        await stage.count(Call.NEXT, 2)
        stage.mark("refused")
        await stage.gone(within_s=WATCH_S)
        stage.mark("over")

    return Scenario(name, play, lasts_s=3.0)


next_500 = _refused("next-500", refusal(500))
# The published description gives this answer no body.
next_500_bare = _refused("next-500-bare", Reply(500))
next_403 = _refused("next-403", refusal(403))


@scenario("cut-polls", lasts_s=2.0)
async def cut_polls(stage: Stage) -> None:
    """For a while every poll is cut by a reset; then all is well again."""
    stage.api.set_reply(Call.NEXT, Reply(drop="rst"), always=True)
    await stage.start()
    await stage.count(Call.NEXT, 1)
    stage.mark("cut")
    await stage.rest(_CUT_S)
    stage.mark("healed")
    stage.api.park()
    await stage.serve(op("echo", value="after"), within_s=_RECOVER_S)


@scenario("thousand", lasts_s=5.0)
async def thousand(stage: Stage) -> None:
    """A thousand events back to back, or as many as there is time for."""
    await stage.start()
    await stage.idle()
    events = [op("echo", value=number) for number in range(_THOUSAND)]
    goes_on = await stage.serve_row(*events[:_FIRST], within_s=stage.pace.endure_s)
    stage.sample("early")
    if goes_on:
        await stage.serve_row(*events[_FIRST:], within_s=stage.pace.endure_s)
    stage.sample("late")


@POLLING.case("RT-NEXT-001", "no-timeout", MUST, "D", refs=[NEXT], needs=[held_poll], depends_on=[REACHES_API])
def no_timeout(world: World, run: Run) -> None:
    """A poll waits for its event without a timeout.

    The event comes after 6 s, with --slow after 305 s. It has to be taken by the poll that was waiting.
    """
    asked = [poll for poll in run.polls if poll.request.arrived_ms <= _event_ms(run)]
    left = [poll for poll in asked if poll.left_ms is not None]
    world.check(len(asked) == 1 and not left, "one poll, open until its event", f"{_hung_up(left)}{run.story}")
    answered = [invocation for invocation in run.invocations if invocation.answer]
    world.check(answered or left, "an answer to the event", run.story)


@POLLING.case(
    "RT-NEXT-002", "freeze-thaw", MUST, "DF", refs=[ENVIRONMENT, NEXT], needs=[frozen_poll], depends_on=["RT-NEXT-004"]
)
def freeze_thaw(world: World, run: Run) -> None:
    """A runtime frozen while it polls takes the event after the thaw, once.

    The process group is stopped for 2 s, with --slow for 31 s. The event is sent to the open poll meanwhile. Field report:
    Nike-Inc/hal#54.
    """
    counts = [result.get("count") for result in run.results if isinstance(result, dict)]
    world.check(counts == [1], "the handler called once", run.results or run.story)
    answered_ms = run.answers[0].request.arrived_ms if run.answers else float("inf")
    polls = [poll for poll in run.polls if poll.request.arrived_ms < answered_ms]
    world.check(len(polls) == 1, "the poll from before answered, no other one", f"{len(polls)} polls; {run.story}")


@POLLING.case("RT-NEXT-003", "single-flight", MUST, "D", refs=[NEXT], needs=[slow_accept], depends_on=[REACHES_API])
def single_flight(world: World, run: Run) -> None:
    """No more than one poll is open at a time, where AWS_LAMBDA_MAX_CONCURRENCY is not set."""
    most = most_open(run.polls)
    world.check(most == 1, "one open poll at most", f"{most} at once" if most else run.story)


@POLLING.case(
    "RT-NEXT-004",
    "next-after-answer",
    MUST,
    "DOC",
    refs=[ENVIRONMENT, OPENAPI, NEXT],
    needs=[slow_accept],
    depends_on=["RT-NEXT-003"],
)
def next_after_answer(world: World, run: Run) -> None:
    """The next poll comes after the answer, for it says that the runtime is ready for another event.

    Each handler takes 100 ms, each answer is accepted 300 ms late. That the poll waits until the answer is accepted is a SHOULD.
    """
    answered = [(one, one.answer) for one in run.invocations if one.answer]
    world.check(len(answered) == 4, "answers to four events", run.story)
    ahead = [answer for one, answer in answered if _polls_again(run, one, answer.request.began_ms - _ORDER_MS)]
    world.check(not ahead, "no poll before the answer", f"a poll before {len(ahead)} of {len(answered)} answers")
    hasty = [answer for one, answer in answered if _polls_again(run, one, answer.replied_ms or float("inf"))]
    more = len(hasty) - len(ahead)
    told = f"a poll before {more} of {len(answered)} answers were accepted"
    world.check(not more, "no poll before the answer is accepted", told, level=SHOULD)


@POLLING.case(
    "RT-NEXT-005",
    "reply-500",
    SHOULD,
    "O",
    refs=[NEXT, OPENAPI],
    needs=[next_500, next_500_bare],
    depends_on=[REACHES_API],
)
def ends_on_500(world: World, *runs: Run) -> None:
    """A poll answered 500 makes the runtime end within 2 s, with an exit status and not by a signal.

    The first event is an ordinary one, every poll after it is refused: in one run with a JSON body, in a second one with an empty body and
    no Content-Type, for the published description of the API gives this answer none.
    """
    for shape, run in zip(("with a JSON body", "without a body"), runs, strict=True):
        process = run.process
        took_ms = (process.ended_ms or float("inf")) - run.marks.get("refused", 0.0)
        ended = process.status is not None and took_ms <= END_S * 1000
        if world.check(ended, f"an end within {END_S:.0f} s of a 500 {shape}", run.story):
            world.check(
                (process.status or 0) >= 0, f"an exit status after a 500 {shape}", f"the process {process.ending}"
            )
        _check_no_handler_called(world, run)


@POLLING.case("RT-NEXT-006", "reply-403", SHOULD, "O", refs=[NEXT, OPENAPI], needs=[next_403], depends_on=[REACHES_API])
def calm_on_403(world: World, run: Run) -> None:
    """A poll answered 403 calls no handler, and is repeated three times a second at most, or the process exits.

    The first event is an ordinary one, every poll after it is refused.
    """
    _check_no_handler_called(world, run)
    world.check((run.process.status or 0) >= 0, "no end by a signal", f"the process {run.process.ending}")
    refused = [poll for poll in run.polls if poll.event is None]
    seconds = (run.marks.get("over", 0.0) - run.marks.get("refused", 0.0)) / 1000
    limit = 1 + _POLLS_PER_S_MAX * max(seconds, 1.0)
    world.check(
        len(refused) <= limit, f"at most {_POLLS_PER_S_MAX} polls a second", f"{len(refused)} in {seconds:.1f} s"
    )


@POLLING.case("RT-NEXT-007", "peer-drops", SHOULD, "X", refs=[NEXT], needs=[cut_polls], depends_on=[REACHES_API])
def copes_with_cut(world: World, run: Run) -> None:
    """A poll whose connection is cut makes the runtime poll again, or end with a status other than 0, within 5 s.

    For a second every poll is cut by a reset; then the server is well again and has an event. Fewer than a hundred polls in that second
    are no busy loop.
    """
    recovered = run.results == ["after"]
    ended = run.process.status is not None and run.process.status != 0
    world.check(recovered or ended, "the event after the cut answered, or an exit status other than 0", run.story)
    cut = [poll for poll in run.polls if poll.request.arrived_ms < run.marks.get("healed", float("inf"))]
    world.check(len(cut) <= _CUT_POLLS_MAX, f"at most {_CUT_POLLS_MAX} polls in a second of cuts", f"{len(cut)} polls")


@POLLING.case("RT-NEXT-008", "thousand", MUST, "D", refs=[NEXT], needs=[thousand], depends_on=[REACHES_API])
def answers_a_thousand(world: World, run: Run) -> None:
    """A thousand events back to back are all answered, each with its own id.

    Each event is returned as it is. A runtime that is too slow for a thousand is judged by those it had time for; it may not end before
    the last one, nor take no more of them.
    """
    world.check(not run.broken_off, "a runtime that takes every event", run.broken_off)
    given = [(strict_json(invocation.event.payload)["value"], invocation.result) for invocation in run.timely]
    wrong = [(value, result) for value, result in given if result != value]
    world.check(
        given and not wrong,
        "each event answered with its own value",
        f"{len(wrong)} wrong, first {shown(wrong[:1])}; {run.story}",
    )
    world.note(f"{len(given)} events")


def most_open(exchanges: list[Exchange]) -> int:
    """How many exchanges were open at the same time, at most."""
    times = [(exchange.request.arrived_ms, 1) for exchange in exchanges]
    times += [(ended, -1) for one in exchanges if (ended := one.replied_ms or one.left_ms) is not None]
    most = count = 0
    for _, change in sorted(times):
        count += change
        most = max(most, count)
    return most


def _check_no_handler_called(world: World, run: Run) -> None:
    # An error may be posted; a result can only come from a handler.
    answered = {response.request_id for response in run.of(Call.RESPONSE)}
    world.check(len(answered) <= 1, "no handler called for a poll that was refused", run.story)


def _polls_again(run: Run, invocation: Invocation, until_ms: float) -> bool:
    since_ms = invocation.poll.request.began_ms
    return any(since_ms < poll.request.began_ms < until_ms for poll in run.polls)


def _event_ms(run: Run) -> float:
    return run.marks.get("event after the long wait", float("inf"))


def _hung_up(polls: list[Exchange]) -> str:
    return "".join(f"hung up after {(poll.left_ms or 0) - poll.request.arrived_ms:.0f} ms; " for poll in polls)

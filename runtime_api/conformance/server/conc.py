"""CONC: several invocations at once."""

from __future__ import annotations

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import CONCURRENCY, ENVIRONMENT, INVOKE, RESERVED
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_FUNCTION_ERROR, HEADER_REQUEST_ID

CONC = Section("SV-CONC", "several invocations at once")

PARALLEL = "SV-CONC-001"
_FEATURES = ["concurrency"]
_LIMITED = ["reserved-concurrency"]
_CALLS = 3


@scenario("three-at-once", lasts_s=2.0)
async def three_at_once(stage: Stage) -> None:
    """Three calls, each of which has its event before any is answered; they are answered last first. Then there is a fourth."""
    await stage.start()
    calls = {f'"{number}"'.encode(): stage.invoke(f'"{number}"'.encode()) for number in range(_CALLS)}
    runtimes = [await stage.runtime() for _ in calls]
    events = [stage.keep(f"event {number}", await runtime.next()) for number, runtime in enumerate(runtimes)]
    other = events[1].header(HEADER_REQUEST_ID) or ""
    stage.keep("for another", await runtimes[0].respond(b'"not mine"', request_id=other))
    for runtime, event in reversed(list(zip(runtimes, events, strict=True))):
        await runtime.respond(event.body)
        await runtime.park()
    for number, call in enumerate(calls.values()):
        stage.keep(f"outcome {number}", await call)
    fourth = stage.invoke(b'"fourth"')
    more = await stage.runtime(within_s=stage.pace.quiet_s)
    stage.fact("started anew", more.is_there)
    stage.fact("streams", [runtime.environment.get("AWS_LAMBDA_LOG_STREAM_NAME") for runtime in runtimes])
    for runtime in [*runtimes, more]:
        event = await runtime.next(within_s=stage.pace.quiet_s)
        if event.status == 200:
            await runtime.respond(event.body)
            await runtime.park()
            break
    stage.keep("fourth", await fourth)


@scenario("one-of-two-ends", lasts_s=2.0)
async def one_of_two_ends(stage: Stage) -> None:
    """Two calls at once; the runtime of one ends, then that of the other answers."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    calls = [stage.invoke(b'"0"'), stage.invoke(b'"1"')]
    runtimes = [await stage.runtime(), await stage.runtime()]
    events = [await runtime.next() for runtime in runtimes]
    await runtimes[0].exit(1)
    await stage.quiet()
    stage.keep("accepted", await runtimes[1].respond(events[1].body))
    await runtimes[1].park()
    outcomes = [await call for call in calls]
    index = 1 if events[1].body == b'"1"' else 0
    stage.fact("survivor", events[1].body)
    stage.keep("outcome of the survivor", outcomes[index])
    stage.keep("outcome of the other", outcomes[1 - index])


@scenario("reserved-concurrency", lasts_s=1.5)
async def reserved_concurrency(stage: Stage) -> None:
    """No more than one invocation at once; a second call comes while there is one, a third one afterwards."""
    await stage.start(feature="reserved-concurrency")
    call = stage.invoke(b'"first"')
    runtime = await stage.runtime()
    await runtime.next()
    stage.keep("second", await stage.invoke(b'"second"', within_s=stage.pace.quiet_s + 1.0))
    await runtime.respond(b'"first"')
    await runtime.park()
    stage.keep("first", await call)
    call = stage.invoke(b'"third"')
    event = await runtime.next()
    await runtime.respond(event.body)
    await runtime.park()
    stage.keep("third", await call)


@CONC.case(
    "SV-CONC-001",
    "sandbox-for-each",
    MUST,
    "D",
    refs=[CONCURRENCY, ENVIRONMENT],
    needs=[three_at_once],
    features=_FEATURES,
    depends_on=["SV-NEXT-001"],
)
def sandbox_for_each(world: World, course: Course) -> None:
    """Each of three calls at once gets a sandbox of its own, and its event before any is answered."""
    seen = sorted(event.body for event in course.several("event"))
    expected = [f'"{number}"'.encode() for number in range(_CALLS)]
    world.check(seen == expected, f"{_CALLS} events in {_CALLS} sandboxes", seen)


@CONC.case(
    "SV-CONC-002",
    "own-answers",
    MUST,
    "D",
    refs=[CONCURRENCY, INVOKE],
    needs=[three_at_once],
    features=_FEATURES,
    depends_on=[PARALLEL],
)
def own_answers(world: World, course: Course) -> None:
    """Each caller gets its own answer, in whatever order they come."""
    for number in range(_CALLS):
        outcome = course[f"outcome {number}"]
        world.check(outcome.body == f'"{number}"'.encode(), f'"{number}"', outcome.story)


@CONC.case(
    "SV-CONC-003",
    "only-own-ids",
    SHOULD,
    "X",
    refs=[ENVIRONMENT],
    needs=[three_at_once],
    features=_FEATURES,
    depends_on=[PARALLEL],
)
def only_own_ids(world: World, course: Course) -> None:
    """A runtime cannot answer the invocation of another sandbox: that is refused, with 400 or 403."""
    answer = course["for another"]
    world.check(answer.status in (400, 403), "400 or 403", answer.story)


@CONC.case(
    "SV-CONC-004",
    "warm-reuse",
    SHOULD,
    "D",
    refs=[ENVIRONMENT],
    needs=[three_at_once],
    features=_FEATURES,
    depends_on=[PARALLEL],
)
def warm_reuse(world: World, course: Course) -> None:
    """A call after that goes to a sandbox that is there, and starts no new one."""
    world.check(not course.fact("started anew", True), "no new sandbox", "one was started")
    world.check(course["fourth"].body == b'"fourth"', "the call answered", course["fourth"].story)


@CONC.case(
    "SV-CONC-005",
    "own-log-streams",
    SHOULD,
    "D",
    refs=[ENVIRONMENT],
    needs=[three_at_once],
    features=_FEATURES,
    depends_on=[PARALLEL],
)
def own_log_streams(world: World, course: Course) -> None:
    """Each sandbox has a log stream of its own."""
    names = course.fact("streams", [])
    world.check(all(names) and len(set(names)) == _CALLS, f"{_CALLS} names", names)


@CONC.case(
    "SV-CONC-006",
    "end-apart",
    MUST,
    "D",
    refs=[ENVIRONMENT],
    needs=[one_of_two_ends],
    features=_FEATURES,
    depends_on=[PARALLEL],
)
def end_apart(world: World, course: Course) -> None:
    """The end of one runtime does not disturb the invocation of another.

    That its own caller is told of an error is a SHOULD.
    """
    world.check(course["accepted"].status == 202, "202 for the other's answer", course["accepted"].story)
    outcome = course["outcome of the survivor"]
    world.check(
        outcome.status == 200 and outcome.body == course.fact("survivor"), "its answer, for its caller", outcome.story
    )
    other = course["outcome of the other"]
    told = other.status >= 400 or other.header(HEADER_FUNCTION_ERROR)
    world.check(told, "an error, for the caller of the one that ended", other.story, level=SHOULD)


@CONC.case(
    "SV-CONC-007",
    "reserved-limit",
    MUST,
    "D",
    refs=[RESERVED, INVOKE],
    needs=[reserved_concurrency],
    features=_LIMITED,
    depends_on=["SV-NEXT-001"],
)
def reserved_limit(world: World, course: Course) -> None:
    """A call beyond the reserved concurrency is answered 429, and the call under way goes on."""
    world.check(course["second"].status == 429, "429", course["second"].story)
    world.check(course["first"].body == b'"first"', "the first call answered", course["first"].story)


@CONC.case(
    "SV-CONC-008",
    "reserved-reason",
    SHOULD,
    "B",
    refs=[INVOKE],
    needs=[reserved_concurrency],
    features=_LIMITED,
    depends_on=["SV-CONC-007"],
)
def reserved_reason(world: World, course: Course) -> None:
    """The 429 is a TooManyRequestsException, whose reason is ReservedFunctionConcurrentInvocationLimitExceeded."""
    answer = course["second"]
    expected = "TooManyRequestsException"
    world.check(answer.exception == expected, f"x-amzn-ErrorType: {expected}", answer.exception or "none")
    value = answer.json
    reason = value.get("Reason") if isinstance(value, dict) else None
    world.check(
        reason == "ReservedFunctionConcurrentInvocationLimitExceeded",
        "ReservedFunctionConcurrentInvocationLimitExceeded",
        answer.story,
    )


@CONC.case(
    "SV-CONC-009",
    "reserved-freed",
    MUST,
    "D",
    refs=[RESERVED],
    needs=[reserved_concurrency],
    features=_LIMITED,
    depends_on=["SV-CONC-007"],
)
def reserved_freed(world: World, course: Course) -> None:
    """When that call is over the next one is taken."""
    world.check(course["third"].body == b'"third"', "the third call answered", course["third"].story)

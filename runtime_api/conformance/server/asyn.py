"""ASYN: asynchronous invocation."""

from __future__ import annotations

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import is_same_document
from runtime_api.conformance.server.err import ERROR
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import ASYNC, ASYNC_ERRORS, INVOKE, LIMITS
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import (
    HEADER_CALLER_REQUEST_ID,
    HEADER_INVOCATION_TYPE,
    HEADER_REQUEST_ID,
)

ASYN = Section("SV-ASYN", "asynchronous invocation", features=["async"])

ACCEPTS = "SV-ASYN-001"
_RETRIES = ["async-retries"]
EVENT = [(HEADER_INVOCATION_TYPE, "Event")]
_PAYLOAD = b'  {"later":\t"\xc3\xa4"}\n'
_ATTEMPTS = 3
_LIMIT_BYTES = 1024 * 1024


@scenario("event", lasts_s=1.5)
async def event_invocation(stage: Stage) -> None:
    """An event is sent, taken by a runtime, and answered; then nothing more has to come."""
    await stage.start()
    stage.keep("accepted", await stage.invoke(_PAYLOAD, EVENT))
    runtime = await stage.runtime()
    event = stage.keep("event", await runtime.next())
    stage.keep(
        "answered", await runtime.respond(b'"nobody reads this"', request_id=event.header(HEADER_REQUEST_ID) or "")
    )
    stage.keep("after", await runtime.next(within_s=2 * stage.pace.quiet_s))
    call = stage.invoke(b'"now"')
    await runtime.next()
    await runtime.respond(b'"now"')
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("events-refused", lasts_s=1.0)
async def events_refused(stage: Stage) -> None:
    """Events that cannot be taken."""
    await stage.start()
    stage.keep("no JSON", await stage.invoke(b"{later", EVENT))
    stage.keep("too large", await stage.invoke(b'"' + b"x" * _LIMIT_BYTES + b'"', EVENT))


@scenario("retries", lasts_s=4.0)
async def retries(stage: Stage) -> None:
    """An event whose every attempt fails, until none comes any more."""
    await stage.start(feature="async-retries")
    stage.keep("accepted", await stage.invoke(b'"fails"', EVENT))
    runtime = await stage.runtime()
    for number in range(_ATTEMPTS + 1):
        last = number == _ATTEMPTS
        runtime, attempt = await stage.event_after(runtime, within_s=3 * stage.pace.quiet_s if last else None)
        if attempt.status != 200:
            break
        stage.keep(f"attempt {number}", attempt)
        await runtime.fail(ERROR)
        await runtime.park()


@ASYN.case("SV-ASYN-001", "event-accepted", MUST, "B", refs=[INVOKE, ASYNC], needs=[event_invocation])
def event_accepted(world: World, course: Course) -> None:
    """A call of the type Event is answered 202."""
    world.check(course["accepted"].status == 202, "202", course["accepted"].story)


@ASYN.case(
    "SV-ASYN-002",
    "event-no-body",
    SHOULD,
    "B",
    refs=[INVOKE],
    needs=[event_invocation],
    depends_on=[ACCEPTS],
)
def event_no_body(world: World, course: Course) -> None:
    """The answer to an event has no body, whatever the function will say."""
    world.check(not course["accepted"].body, "no body", course["accepted"].story)


@ASYN.case(
    "SV-ASYN-003",
    "event-delivered",
    MUST,
    "D",
    refs=[ASYNC],
    needs=[event_invocation],
    depends_on=[ACCEPTS],
)
def event_delivered(world: World, course: Course) -> None:
    """The function is invoked with the event, as it was sent.

    The same JSON written anew is a SHOULD that is not met.
    """
    event = course["event"]
    if world.check(event.status == 200 and is_same_document(_PAYLOAD, event.body), repr(_PAYLOAD), event.story):
        world.check(event.body == _PAYLOAD, f"{_PAYLOAD!r}, byte by byte", event.story, level=SHOULD)


@ASYN.case(
    "SV-ASYN-004",
    "event-request-id",
    SHOULD,
    "B",
    refs=[INVOKE],
    needs=[event_invocation],
    depends_on=["SV-ASYN-003"],
)
def event_request_id(world: World, course: Course) -> None:
    """The request id that the caller was told is the invocation's."""
    told = course["accepted"].header(HEADER_CALLER_REQUEST_ID)
    world.check(
        told and told == course["event"].header(HEADER_REQUEST_ID), str(course["event"].header(HEADER_REQUEST_ID)), told
    )


@ASYN.case(
    "SV-ASYN-005",
    "event-once",
    MUST,
    "D",
    refs=[ASYNC_ERRORS],
    needs=[event_invocation],
    depends_on=["SV-ASYN-003"],
)
def event_once(world: World, course: Course) -> None:
    """An event whose invocation went well is done with."""
    after = course["after"]
    world.check(after.is_timed_out, "no second attempt", after.story)


@ASYN.case(
    "SV-ASYN-006",
    "event-then-call",
    MUST,
    "D",
    refs=[ASYNC, INVOKE],
    needs=[event_invocation],
    depends_on=["SV-ASYN-003", "SV-ASYN-005"],
)
def event_then_call(world: World, course: Course) -> None:
    """The answer to an event reaches nobody: the next caller gets its own."""
    world.check(course["answered"].status == 202, "202 for the event's answer", course["answered"].story)
    world.check(course["outcome"].body == b'"now"', "its own answer, for the next caller", course["outcome"].story)


@ASYN.case(
    "SV-ASYN-007",
    "event-json",
    SHOULD,
    "B",
    refs=[INVOKE],
    needs=[events_refused],
    depends_on=[ACCEPTS],
)
def event_json(world: World, course: Course) -> None:
    """An event that is no JSON is answered 400, InvalidRequestContentException."""
    answer = course["no JSON"]
    expected = "InvalidRequestContentException"
    is_named = answer.exception == expected
    world.check(answer.status == 400 and is_named, f"400 {expected}", f"{answer.exception}: {answer.story}")


@ASYN.case(
    "SV-ASYN-008",
    "event-too-large",
    SHOULD,
    "DB",
    refs=[LIMITS, INVOKE],
    needs=[events_refused],
    depends_on=[ACCEPTS],
)
def event_too_large(world: World, course: Course) -> None:
    """An event of more than 1 MB is answered 413.

    It has 1 MiB and two bytes.
    """
    world.check(course["too large"].status == 413, "413", course["too large"].story)


@ASYN.case(
    "SV-ASYN-009", "retried", MUST, "D", refs=[ASYNC_ERRORS], needs=[retries], features=_RETRIES, depends_on=[ACCEPTS]
)
def retried(world: World, course: Course) -> None:
    """An event whose invocation fails is tried twice more, with the same payload."""
    seen = [attempt.body for attempt in course.several("attempt")]
    world.check(seen[:_ATTEMPTS] == [b'"fails"'] * _ATTEMPTS, f"{_ATTEMPTS} attempts", seen)


@ASYN.case(
    "SV-ASYN-010",
    "retried-same-id",
    MUST,
    "D",
    refs=[ASYNC_ERRORS],
    needs=[retries],
    features=_RETRIES,
    depends_on=["SV-ASYN-009"],
)
def retried_same_id(world: World, course: Course) -> None:
    """Every attempt has the same request id."""
    ids = {attempt.header(HEADER_REQUEST_ID) for attempt in course.several("attempt")}
    world.check(len(ids) == 1, "one request id", sorted(map(str, ids)))


@ASYN.case(
    "SV-ASYN-011",
    "gives-up",
    MUST,
    "D",
    refs=[ASYNC_ERRORS],
    needs=[retries],
    features=_RETRIES,
    depends_on=["SV-ASYN-009"],
)
def gives_up(world: World, course: Course) -> None:
    """After the third attempt the event is given up."""
    count = len(course.several("attempt"))
    world.check(count <= _ATTEMPTS, f"{_ATTEMPTS} attempts at most", f"{count}")

"""NEXT: what a runtime gets when it polls."""

from __future__ import annotations

import asyncio
import json
import time

from runtime_api.conformance.cases import MAY, MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import is_same_document
from runtime_api.conformance.runtime_stage.event import TRACE
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.channel import Channel, request_bytes
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.runtime import NEXT as NEXT_PATH
from runtime_api.conformance.server_stage.runtime import NOBODY, response_path
from runtime_api.conformance.server_stage.stage import Stage, encoded, statuses
from runtime_api.conformance.sources import ENVIRONMENT, INVOKE, NEXT, OPENAPI, TENANTS, TRACING
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import (
    HEADER_CALLER_CLIENT_CONTEXT,
    HEADER_CALLER_TENANT_ID,
    HEADER_CALLER_TRACE_ID,
    HEADER_CLIENT_CONTEXT,
    HEADER_COGNITO_IDENTITY,
    HEADER_DEADLINE_MS,
    HEADER_FUNCTION_ARN,
    HEADER_INVOCATION_ID,
    HEADER_REQUEST_ID,
    HEADER_TENANT_ID,
    HEADER_TRACE_ID,
)

POLLING = Section("SV-NEXT", "what a poll gets")

HANDS_OUT = "SV-NEXT-001"
PAYLOADS = (b'{"a": 1}', b'  {\n\t"a" : [ 1 , 2.50 ] }  ', '"ä 🦜 \u2028"'.encode(), b'"\\u00e4\\ud83e\\udd9c"', b"0")
RESULTS = (b'{"b": 2}', b'  {"b" :\r\n 2.0}\n', '"ö 🦉"'.encode(), b'"\\u00f6"', b"")
CLIENT_CONTEXT = '{"client": {"app_title": "conformance"}, "custom": {"a": "ä"}}'
TENANT = "tenant-1"
_MANY = 100
# As long as a time can be: 15 digits are the year 33658.
_DEADLINE_DIGITS_MAX = 15
_OPTIONAL = (HEADER_TRACE_ID, HEADER_CLIENT_CONTEXT, HEADER_COGNITO_IDENTITY, HEADER_TENANT_ID)


@scenario("invocations", lasts_s=1.0)
async def invocations(stage: Stage) -> None:
    """Five events and five results, whose bytes are all that matters."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    runtime = None
    for number, (payload, result) in enumerate(zip(PAYLOADS, RESULTS, strict=True)):
        call = stage.invoke(payload)
        runtime = runtime or await stage.runtime()
        stage.fact("function name", runtime.environment.get("AWS_LAMBDA_FUNCTION_NAME"))
        stage.keep(f"event {number}", await runtime.next())
        stage.fact(f"polled {number}", time.time() * 1000)
        stage.keep(f"accepted {number}", await runtime.respond(result))
        await runtime.park()
        stage.keep(f"outcome {number}", await call)


@scenario("many", lasts_s=2.0)
async def many(stage: Stage) -> None:
    """A hundred events on one connection, with headers in another case each time."""
    await stage.start()
    front = await stage.front()
    caller = _nth_call(stage, front, 0)
    runtime = await stage.runtime()
    channel = await runtime.channel()
    await channel.send(request_bytes("GET", NEXT_PATH, [("HOST", runtime.host)]))
    for number in range(_MANY):
        began_ms = stage.now_ms()
        event = stage.keep(f"event {number}", await channel.receive(stage.pace.patience_s))
        host, length = ("HOST", "CONTENT-LENGTH") if number % 2 else ("host", "content-length")
        headers = [(host, runtime.host), (length, "4")]
        path = response_path(event.header(HEADER_REQUEST_ID) or NOBODY)
        accepted = await channel.call("POST", path, headers, b"null", within_s=stage.pace.patience_s)
        stage.keep(f"accepted {number}", accepted)
        await channel.send(request_bytes("GET", NEXT_PATH, [(host, runtime.host)]))
        outcome = stage.keep(f"outcome {number}", await caller)
        stage.course.facts.setdefault("cycles", []).append(stage.now_ms() - began_ms)
        if event.fault or accepted.fault or outcome.fault:
            return
        caller = _nth_call(stage, front, number + 1)


def _nth_call(stage: Stage, front: Channel, number: int) -> asyncio.Task[Answer]:
    # The first one by the stage's own way, which is patient with a server that still starts.
    if number in (0, _MANY):
        return stage.invoke(b"0")
    headers = [("Content-Type", "application/json")]
    call = front.call("POST", stage.path, headers, b"%d" % number, within_s=stage.pace.patience_s)
    return asyncio.create_task(call)


@scenario("caller-headers")
async def caller_headers(stage: Stage) -> None:
    """A call with a trace id and a client context."""
    await stage.start()
    call = stage.invoke(
        b"{}", [(HEADER_CALLER_TRACE_ID, TRACE), (HEADER_CALLER_CLIENT_CONTEXT, encoded(CLIENT_CONTEXT))]
    )
    runtime = await stage.runtime()
    stage.keep("event", await runtime.next())
    await runtime.respond()
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("tenant")
async def tenant(stage: Stage) -> None:
    """A call for a tenant."""
    await stage.start(feature="tenant")
    call = stage.invoke(b"{}", [(HEADER_CALLER_TENANT_ID, TENANT)])
    runtime = await stage.runtime()
    stage.keep("event", await runtime.next())
    await runtime.respond()
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("idle-poll", lasts_s=6.5)
async def idle_poll(stage: Stage) -> None:
    """A poll is left without an event for long, then gets one."""
    await stage.start()
    first = stage.invoke()
    runtime = await stage.runtime()
    await stage.one(runtime, first)
    stage.keep("idle", await runtime.next(within_s=stage.pace.idle_s))
    call = stage.invoke(b'"late"')
    stage.keep("event", await runtime.next())
    await runtime.respond()
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("repeated-poll", lasts_s=1.0)
async def repeated_poll(stage: Stage) -> None:
    """A runtime polls again while it has an event."""
    await stage.start()
    call = stage.invoke(b'"first"')
    runtime = await stage.runtime()
    event = stage.keep("event", await runtime.next())
    aside = await runtime.channel()
    host = [("Host", runtime.host)]
    stage.keep("again", await aside.call("GET", NEXT_PATH, host, within_s=1.0 + stage.pace.quiet_s))
    stage.keep("accepted", await runtime.respond(b'"first result"', request_id=event.header(HEADER_REQUEST_ID) or ""))
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("lost-poller", lasts_s=1.5)
async def lost_poller(stage: Stage) -> None:
    """The connection of a parked poll ends; the next poll of the runtime has to get the event that comes then."""
    await stage.start()
    first = stage.invoke()
    runtime = await stage.runtime()
    await stage.one(runtime, first)
    stage.keep("lost", await runtime.next(within_s=stage.pace.quiet_s))
    stage.fact("frozen", not await runtime.drop_poll() and runtime.is_there)
    if stage.course.fact("frozen"):
        return
    await stage.quiet()
    call = stage.invoke(b'"after"')
    # The event is there before the next poll is: with both on their way, who gets it is chance.
    await stage.quiet()
    stage.keep("event", await runtime.next())
    await runtime.respond(b'"after"')
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("invocation-ids")
async def invocation_ids(stage: Stage) -> None:
    """Three events, whose invocation id is echoed, left out, and replaced by another one."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    for number, name in enumerate(("echoed", "left out", "wrong")):
        event = stage.keep(f"event {number}", await runtime.next())
        own = event.header(HEADER_INVOCATION_ID) or ""
        headers = {"echoed": [(HEADER_INVOCATION_ID, own)], "wrong": [(HEADER_INVOCATION_ID, "x" * 8 + own[8:])]}
        stage.keep(name, await runtime.respond(b'"done"', headers.get(name, [])))
        if name != "wrong":
            await runtime.park()
            await call
            call = stage.invoke()
    stage.keep("right at last", await runtime.respond(b'"right"', [(HEADER_INVOCATION_ID, own)]))
    await runtime.park()
    stage.keep("outcome", await call)


@POLLING.case("SV-NEXT-001", "required-headers", MUST, "OF", refs=[NEXT, OPENAPI], needs=[invocations])
def required_headers(world: World, course: Course) -> None:
    """An event comes with its request id, its deadline and the ARN of its function, none of them empty.

    Field reports: aws-lambda-dotnet#1998, aws-lambda-runtime-interface-emulator#11.
    """
    for event in course.several("event") or [course["event 0"]]:
        world.check(event.status == 200, "200 and an event", event.story)
        missing = [
            name for name in (HEADER_REQUEST_ID, HEADER_DEADLINE_MS, HEADER_FUNCTION_ARN) if not event.header(name)
        ]
        if not world.check(not missing, "request id, deadline and ARN", f"without {', '.join(missing)}"):
            return


@POLLING.case("SV-NEXT-002", "unique-id", MUST, "D", refs=[NEXT], needs=[many], depends_on=[HANDS_OUT])
def unique_id(world: World, course: Course) -> None:
    """Every invocation has a request id of its own.

    A hundred invocations, one after the other.
    """
    ids = [event.header(HEADER_REQUEST_ID) for event in course.several("event")]
    world.check(
        ids and len(set(ids)) == len(ids), f"{len(ids)} ids", f"{len(set(ids))}, such as {ids[0] if ids else None}"
    )


@POLLING.case("SV-NEXT-003", "deadline-sane", MUST, "D", refs=[NEXT], needs=[invocations], depends_on=[HANDS_OUT])
def deadline_sane(world: World, course: Course) -> None:
    """The deadline is a whole number of ms since 1970, after now, and no later than the timeout and a second from now."""
    limit_ms = (course.timeout_s + 1) * 1000
    for number, event in enumerate(course.several("event")):
        deadline_ms = deadline_ms_of(event)
        left_ms = -1.0 if deadline_ms is None else deadline_ms - course.fact(f"polled {number}", 0.0)
        expected, text = f"a deadline within {limit_ms:.0f} ms", event.header(HEADER_DEADLINE_MS) or ""
        if not world.check(0 < left_ms <= limit_ms, expected, f"{text!r}, which is {left_ms:.0f} ms from now"):
            return


def deadline_ms_of(event: Answer) -> int | None:
    """The deadline an event came with, in ms since 1970; None where the header is missing, or no such number."""
    text = event.header(HEADER_DEADLINE_MS) or ""
    return int(text) if text.isdecimal() and len(text) <= _DEADLINE_DIGITS_MAX else None


@POLLING.case(
    "SV-NEXT-004", "arn-matches", SHOULD, "O", refs=[NEXT, OPENAPI], needs=[invocations], depends_on=[HANDS_OUT]
)
def arn_matches(world: World, course: Course) -> None:
    """The ARN is that of the function that was called.

    An emulator that knows its function by one name in its URL and by another in its ARN may name either the one that was called or the
    one that the runtime finds in AWS_LAMBDA_FUNCTION_NAME.
    """
    arn = course["event 0"].header(HEADER_FUNCTION_ARN) or ""
    fields = arn.split(":")
    is_arn = len(fields) in (7, 8) and fields[0] == "arn" and fields[2] == "lambda" and fields[5] == "function"
    world.check(is_arn, "an ARN of a Lambda function", arn)
    names = (course.function, course.fact("function name"))
    world.check(not is_arn or fields[6] in names, f"function {course.function}", arn)


@POLLING.case("SV-NEXT-005", "trace", SHOULD, "D", refs=[NEXT, TRACING], needs=[caller_headers], depends_on=[HANDS_OUT])
def trace(world: World, course: Course) -> None:
    """The trace of the caller's X-Amzn-Trace-Id is the runtime's.

    The root has to be the caller's; the parent may be a segment that the server began.
    """
    seen = course["event"].header(HEADER_TRACE_ID)
    root = TRACE.partition(";")[0]
    world.check(seen is not None and root in seen.split(";"), f"{HEADER_TRACE_ID} with {root}", seen)


@POLLING.case(
    "SV-NEXT-006", "client-context", MUST, "D", refs=[NEXT, INVOKE], needs=[caller_headers], depends_on=[HANDS_OUT]
)
def client_context(world: World, course: Course) -> None:
    """The caller's client context, base64 on its way in, reaches the runtime as JSON."""
    seen = course["event"].header(HEADER_CLIENT_CONTEXT)
    expected = json.loads(CLIENT_CONTEXT)
    world.check(expected in _readings(seen), CLIENT_CONTEXT, seen)


def _readings(text: str | None) -> list[object]:
    # A header has no declared encoding: UTF-8 bytes, or JSON that is ASCII.
    found = []
    for encoding in ("utf-8", "latin-1"):
        try:
            found.append(json.loads((text or "").encode("latin-1").decode(encoding)))
        except (ValueError, RecursionError):
            continue
    return found


@POLLING.case("SV-NEXT-007", "absent-not-empty", SHOULD, "R", refs=[NEXT], needs=[invocations], depends_on=[HANDS_OUT])
def absent_not_empty(world: World, course: Course) -> None:
    """Optional headers for which there is nothing are left out, not sent empty."""
    empty = [name for name in _OPTIONAL if course["event 0"].header(name) == ""]
    world.check(not empty, "no empty header", ", ".join(empty))


@POLLING.case("SV-NEXT-008", "body-exact", MUST, "D", refs=[NEXT], needs=[invocations], depends_on=[HANDS_OUT])
def body_exact(world: World, course: Course) -> None:
    """The event's bytes are the caller's, unchanged.

    White space, UTF-8, escapes and a plain number. The same JSON written anew is a SHOULD that is not met.
    """
    for number, payload in enumerate(PAYLOADS):
        event = course[f"event {number}"]
        if world.check(is_same_document(payload, event.body), repr(payload), event.story):
            world.check(event.body == payload, f"{payload!r}, byte by byte", event.story, level=SHOULD)


@POLLING.case(
    "SV-NEXT-009", "content-type", SHOULD, "O", refs=[NEXT, OPENAPI], needs=[invocations], depends_on=[HANDS_OUT]
)
def content_type(world: World, course: Course) -> None:
    """The event's content type is application/json, where the caller says so."""
    seen = course["event 0"].header("content-type") or ""
    world.check(seen.partition(";")[0].strip().lower() == "application/json", "application/json", seen or "none")


@POLLING.case("SV-NEXT-010", "blocks", MUST, "DO", refs=[NEXT, OPENAPI], needs=[idle_poll], depends_on=[HANDS_OUT])
def blocks(world: World, course: Course) -> None:
    """A poll waits until there is an event, for as long as it takes.

    Nothing happens for 6 s, with --slow for 70 s; then the poll has to get the event.
    """
    world.check(course["idle"].is_timed_out, "no answer before there is an event", course["idle"].story)
    world.check(course["event"].body == b'"late"', "the event, on the poll that waited", course["event"].story)


@POLLING.case("SV-NEXT-011", "repeat-poll", SHOULD, "R", refs=[NEXT], needs=[repeated_poll], depends_on=[HANDS_OUT])
def repeat_poll(world: World, course: Course) -> None:
    """A poll by a runtime that has an event gets the same event again, or 403; the event is not lost.

    Neither may end the invocation: its answer is accepted and reaches the caller.
    """
    event, again = course["event"], course["again"]
    same = again.status == 200 and again.header(HEADER_REQUEST_ID) == event.header(HEADER_REQUEST_ID)
    world.check(same or again.status == 403, "the same event, or 403", again.story)
    world.check(course["accepted"].status == 202, "202 for the answer to the event", course["accepted"].story)
    world.check(course["outcome"].body == b'"first result"', "the answer, for the caller", course["outcome"].story)


@POLLING.case(
    "SV-NEXT-012", "poller-lost", SHOULD, "F", refs=[NEXT, ENVIRONMENT], needs=[lost_poller], depends_on=[HANDS_OUT]
)
def poller_lost(world: World, course: Course) -> None:
    """When the connection of a waiting poll ends, the event goes to the runtime's next poll.

    A server that freezes a sandbox while nothing happens lets nothing end a connection from within: there is nothing to see then. Field
    report: Nike-Inc/hal#54.
    """
    if course.fact("frozen"):
        world.not_applicable("the sandbox is frozen, its connection cannot be dropped")
        return
    world.check(course["event"].body == b'"after"', "the event, on the second poll", course["event"].story)
    world.check(course["outcome"].body == b'"after"', "its answer, for the caller", course["outcome"].story)


@POLLING.case(
    "SV-NEXT-013", "tenant", MAY, "D", refs=[TENANTS], needs=[tenant], features=["tenant"], depends_on=[HANDS_OUT]
)
def tenant_id(world: World, course: Course) -> None:
    """The caller's tenant id is passed on."""
    seen = course["event"].header(HEADER_TENANT_ID)
    world.check(seen == TENANT, f"{HEADER_TENANT_ID}: {TENANT}", seen)


@POLLING.case(
    "SV-NEXT-014",
    "invocation-id",
    MAY,
    "F",
    refs=[NEXT],
    needs=[invocation_ids],
    features=["invocation-id"],
    depends_on=[HANDS_OUT],
)
def invocation_id(world: World, course: Course) -> None:
    """Every attempt has an id of its own; a wrong echo of it is refused, a missing one is not.

    Field report: aws-lambda-rust-runtime#1155. After the wrong echo the right one has to be accepted.
    """
    ids = [event.header(HEADER_INVOCATION_ID) for event in course.several("event")]
    world.check(all(ids) and len(set(ids)) == 3, "three different ids", ids)
    accepted = [course["echoed"], course["left out"], course["right at last"]]
    world.check(statuses(accepted) == [202, 202, 202], "202 with the id, and without one", _stories(accepted))
    world.check(course["wrong"].is_refusal, "a wrong id refused", course["wrong"].story)


def _stories(answers: list[Answer]) -> str:
    return ", ".join(answer.story for answer in answers)

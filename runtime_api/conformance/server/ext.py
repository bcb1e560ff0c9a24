"""EXT: the Extensions API, as internal extensions use it."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.runtime_stage.event import TRACE
from runtime_api.conformance.server.next import deadline_ms_of
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.extension import Extension
from runtime_api.conformance.server_stage.runtime import NOBODY, Runtime
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import ENVIRONMENT, EXTENSIONS
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import (
    HEADER_CALLER_TRACE_ID,
    HEADER_DEADLINE_MS,
    HEADER_EXTENSION_ERROR_TYPE,
    HEADER_EXTENSION_EVENT_ID,
    HEADER_EXTENSION_FEATURES,
    HEADER_EXTENSION_ID,
    HEADER_FUNCTION_ARN,
    HEADER_REQUEST_ID,
)

EXT = Section("SV-EXT", "the Extensions API", features=["extensions"])

REGISTERS = "SV-EXT-001"
_MOST = 10
_UNEQUAL_MS = 50


@scenario("extension", lasts_s=2.5)
async def extension(stage: Stage) -> None:
    """An extension registers, and is slow to poll: before the first event, and before the second one."""
    await stage.start()
    call = stage.invoke(b'"first"', [(HEADER_CALLER_TRACE_ID, TRACE)])
    runtime = await stage.runtime()
    one = Extension(runtime, "conformance-one")
    stage.keep("registered", await one.register(headers=[(HEADER_EXTENSION_FEATURES, "accountId")]))
    stage.keep("before extension", await runtime.next(within_s=stage.pace.quiet_s))
    await one.park()
    stage.keep("event", await runtime.next())
    stage.keep("invoke", await one.next())
    stage.keep("late registration", await Extension(runtime, "conformance-late").register())
    await runtime.respond(b'"first"')
    await runtime.park()
    # Some servers let the caller wait for the extension, and take no other call meanwhile.
    await asyncio.wait([call], timeout=stage.pace.quiet_s)
    second = stage.invoke(b'"second"') if call.done() else None
    other = await stage.runtime(within_s=stage.pace.quiet_s)
    stage.keep("before extension again", await runtime.next(within_s=stage.pace.quiet_s))
    if second and other.is_there:
        await _answered_elsewhere(stage, other, second)
        second = None
    await one.park()
    stage.keep("outcome", await call)
    second = second or stage.invoke(b'"second"')
    event = await runtime.next()
    if not event.status and (late := await stage.runtime(within_s=stage.pace.quiet_s)).is_there:
        # On a busy machine that sandbox takes its time.
        await _answered_elsewhere(stage, late, second)
        second = stage.invoke(b'"second"')
        event = await runtime.next()
    stage.keep("event again", event)
    stage.keep("invoke again", await one.next())
    await runtime.respond(b'"second"')
    await runtime.park()
    await one.park()
    stage.keep("outcome again", await second)


async def _answered_elsewhere(stage: Stage, other: Runtime, call: asyncio.Task[Answer]) -> None:
    """A call was given a sandbox of its own, as it may; once that is gone, the next call comes to the first one."""
    await stage.one(other, call)
    await other.exit(0)
    await stage.quiet()


@scenario("extensions-refused", lasts_s=1.5)
async def extensions_refused(stage: Stage) -> None:
    """Registrations, polls and reports that cannot be."""
    await stage.start()
    stage.invoke()
    runtime = await stage.runtime()
    stage.keep("no name", await Extension(runtime).register())
    stage.keep("no JSON", await Extension(runtime, "conformance-a").register(body=b"{events"))
    stage.keep("unknown event", await Extension(runtime, "conformance-b").register(["NOTHING"]))
    stage.keep("shutdown", await Extension(runtime, "conformance-c").register(["INVOKE", "SHUTDOWN"]))
    good = Extension(runtime, "conformance-d")
    stage.keep("good", await good.register())
    stage.keep("again", await Extension(runtime, "conformance-d").register())
    stage.keep("no identifier", await good.poll_as([]))
    stage.keep("malformed identifier", await good.poll_as([(HEADER_EXTENSION_ID, "nobody")]))
    stage.keep("unknown identifier", await good.poll_as([(HEADER_EXTENSION_ID, NOBODY)]))


@scenario("eleven-extensions")
async def eleven_extensions(stage: Stage) -> None:
    """One extension more than there may be."""
    await stage.start()
    stage.invoke()
    runtime = await stage.runtime()
    for number in range(_MOST + 1):
        stage.keep(f"registration {number}", await Extension(runtime, f"conformance-{number}").register())


@scenario("extension-error")
async def extension_error(stage: Stage) -> None:
    """An extension reports that it cannot start, first without the type of its error."""
    await stage.start()
    stage.invoke()
    runtime = await stage.runtime()
    one = Extension(runtime, "conformance-one")
    await one.register()
    stage.keep("without type", await one.tell_error("init"))
    told = await one.tell_error("init", [(HEADER_EXTENSION_ERROR_TYPE, "Extension.Conformance")])
    stage.keep("with type", told)
    stage.fact("ended", not told.status and await runtime.is_ended())


@EXT.case("SV-EXT-001", "registers", MUST, "D", refs=[EXTENSIONS], needs=[extension])
def registers(world: World, course: Course) -> None:
    """An extension registers before the runtime's first poll: 200, and an identifier."""
    answer = course["registered"]
    world.check(answer.status == 200, "200", answer.story)
    world.check(answer.header(HEADER_EXTENSION_ID), f"a {HEADER_EXTENSION_ID}", "none")


@EXT.case(
    "SV-EXT-002",
    "register-body",
    MUST,
    "D",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=[REGISTERS],
)
def register_body(world: World, course: Course) -> None:
    """The answer to a registration names function, version and handler."""
    value = course["registered"].json
    told = isinstance(value, dict) and all(
        isinstance(value.get(name), str) for name in ("functionName", "functionVersion", "handler")
    )
    world.check(told, "functionName, functionVersion and handler", course["registered"].story)


@EXT.case(
    "SV-EXT-003",
    "account-id",
    SHOULD,
    "D",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=["SV-EXT-002"],
)
def account_id(world: World, course: Course) -> None:
    """An extension that accepts the feature accountId is told the account."""
    value = course["registered"].json
    world.check(isinstance(value, dict) and value.get("accountId"), "an accountId", course["registered"].story)


@EXT.case(
    "SV-EXT-004",
    "init-waits",
    MUST,
    "D",
    refs=[ENVIRONMENT, EXTENSIONS],
    needs=[extension],
    depends_on=[REGISTERS],
)
def init_waits(world: World, course: Course) -> None:
    """Initialisation ends when every extension has polled: the runtime gets no event before that."""
    early = course["before extension"]
    world.check(early.is_timed_out, "no event before the extension polls", early.story)
    world.check(course["event"].body == b'"first"', "the event afterwards", course["event"].story)


@EXT.case(
    "SV-EXT-005",
    "invoke-event",
    MUST,
    "D",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=[REGISTERS],
)
def invoke_event(world: World, course: Course) -> None:
    """An extension gets an INVOKE event for an invocation, with deadline, request id and ARN."""
    for name in ("invoke", "invoke again"):
        value = _event(course[name])
        world.check(value.get("eventType") == "INVOKE", "eventType INVOKE", course[name].story)
        told = isinstance(value.get("deadlineMs"), int) and value.get("requestId") and value.get("invokedFunctionArn")
        world.check(told, "deadlineMs, requestId and invokedFunctionArn", course[name].story)


@EXT.case(
    "SV-EXT-006",
    "same-invocation",
    MUST,
    "D",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=["SV-EXT-005"],
)
def same_invocation(world: World, course: Course) -> None:
    """Request id, deadline and ARN of an extension's event are those of the runtime's."""
    value, event = _event(course["invoke"]), course["event"]
    world.check(value.get("requestId") == event.header(HEADER_REQUEST_ID), str(event.header(HEADER_REQUEST_ID)), value)
    world.check(
        value.get("invokedFunctionArn") == event.header(HEADER_FUNCTION_ARN),
        str(event.header(HEADER_FUNCTION_ARN)),
        value,
    )
    told, deadline_ms = value.get("deadlineMs"), deadline_ms_of(event)
    near = isinstance(told, int) and deadline_ms is not None and abs(told - deadline_ms) <= _UNEQUAL_MS
    world.check(near, f"a deadline of {event.header(HEADER_DEADLINE_MS)}", value)


@EXT.case(
    "SV-EXT-007",
    "event-identifier",
    SHOULD,
    "D",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=["SV-EXT-005"],
)
def event_identifier(world: World, course: Course) -> None:
    """Every INVOKE event has an identifier of its own."""
    ids = [course[name].header(HEADER_EXTENSION_EVENT_ID) for name in ("invoke", "invoke again")]
    world.check(all(ids) and len(set(ids)) == 2, f"two different {HEADER_EXTENSION_EVENT_ID}", ids)


@EXT.case(
    "SV-EXT-008",
    "event-tracing",
    SHOULD,
    "D",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=["SV-EXT-005"],
)
def event_tracing(world: World, course: Course) -> None:
    """The event of a traced invocation carries the caller's trace."""
    tracing = _event(course["invoke"]).get("tracing")
    value = (
        tracing.get("value") if isinstance(tracing, dict) and tracing.get("type") == HEADER_CALLER_TRACE_ID else None
    )
    root = TRACE.partition(";")[0]
    world.check(
        root in str(value).split(";"), f"tracing of type {HEADER_CALLER_TRACE_ID} with {root}", course["invoke"].story
    )


@EXT.case(
    "SV-EXT-009",
    "next-waits",
    MUST,
    "D",
    refs=[ENVIRONMENT, EXTENSIONS],
    needs=[extension],
    depends_on=["SV-EXT-005"],
)
def next_waits(world: World, course: Course) -> None:
    """An invocation ends when every extension has polled again: the runtime gets no other event before that."""
    early = course["before extension again"]
    world.check(early.is_timed_out, "no event before the extension polls again", early.story)
    world.check(course["event again"].body == b'"second"', "the event afterwards", course["event again"].story)
    world.check(
        course["outcome again"].body == b'"second"', "its answer, for the caller", course["outcome again"].story
    )


@EXT.case(
    "SV-EXT-010",
    "registration-closed",
    SHOULD,
    "R",
    refs=[EXTENSIONS],
    needs=[extension],
    depends_on=[REGISTERS],
)
def registration_closed(world: World, course: Course) -> None:
    """A registration after initialisation is refused, with the error type Extension.RegistrationClosed."""
    _check_refused(world, course["late registration"], "Extension.RegistrationClosed")


@EXT.case(
    "SV-EXT-011",
    "name-required",
    SHOULD,
    "DR",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def name_required(world: World, course: Course) -> None:
    """A registration without a name is refused, with the error type Extension.InvalidExtensionName."""
    _check_refused(world, course["no name"], "Extension.InvalidExtensionName")


@EXT.case(
    "SV-EXT-012",
    "register-json",
    SHOULD,
    "R",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def register_json(world: World, course: Course) -> None:
    """A registration that is no JSON is refused, with the error type InvalidRequestFormat."""
    _check_refused(world, course["no JSON"], "InvalidRequestFormat")


@EXT.case(
    "SV-EXT-013",
    "unknown-event",
    SHOULD,
    "R",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def unknown_event(world: World, course: Course) -> None:
    """A registration for an event that does not exist is refused, with the error type Extension.InvalidEventType."""
    _check_refused(world, course["unknown event"], "Extension.InvalidEventType")


@EXT.case(
    "SV-EXT-014",
    "internal-shutdown",
    SHOULD,
    "DR",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def internal_shutdown(world: World, course: Course) -> None:
    """An internal extension cannot register for SHUTDOWN."""
    _check_refused(world, course["shutdown"], "Extension.InvalidEventType")


@EXT.case(
    "SV-EXT-015",
    "name-taken",
    SHOULD,
    "R",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def name_taken(world: World, course: Course) -> None:
    """A second registration under the same name is refused."""
    world.check(course["good"].status == 200, "200 for the first one", course["good"].story)
    _check_refused(world, course["again"], "Extension.InvalidExtensionState")


@EXT.case(
    "SV-EXT-016",
    "identifier-required",
    SHOULD,
    "R",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def identifier_required(world: World, course: Course) -> None:
    """A poll without an identifier, or with one that is malformed, is refused."""
    _check_refused(world, course["no identifier"], "Extension.MissingExtensionIdentifier")
    _check_refused(world, course["malformed identifier"], "Extension.InvalidExtensionIdentifier")


@EXT.case(
    "SV-EXT-017",
    "identifier-unknown",
    SHOULD,
    "R",
    refs=[EXTENSIONS],
    needs=[extensions_refused],
    depends_on=[REGISTERS],
)
def identifier_unknown(world: World, course: Course) -> None:
    """A poll under an identifier that nobody was given is refused, with the error type Extension.UnknownExtensionIdentifier."""
    _check_refused(world, course["unknown identifier"], "Extension.UnknownExtensionIdentifier")


@EXT.case(
    "SV-EXT-018",
    "ten-extensions",
    SHOULD,
    "DR",
    refs=[EXTENSIONS],
    needs=[eleven_extensions],
    depends_on=[REGISTERS],
)
def ten_extensions(world: World, course: Course) -> None:
    """Ten extensions may register, an eleventh is refused, with the error type Extension.TooManyExtensions."""
    answers = course.several("registration")
    good = sum(answer.status == 200 for answer in answers[:_MOST])
    world.check(good == _MOST, f"{_MOST} registrations", f"{good}")
    _check_refused(world, course[f"registration {_MOST}"], "Extension.TooManyExtensions")


@EXT.case(
    "SV-EXT-019",
    "extension-error-accepted",
    MUST,
    "D",
    refs=[EXTENSIONS],
    needs=[extension_error],
    depends_on=[REGISTERS],
)
def error_accepted(world: World, course: Course) -> None:
    """An extension's error of initialisation is accepted with 202.

    A server may end the sandbox so soon that the answer is lost with it.
    """
    world.check(course["with type"].status == 202 or course.is_lost("with type"), "202", course["with type"].story)


@EXT.case(
    "SV-EXT-020",
    "extension-error-type",
    SHOULD,
    "DR",
    refs=[EXTENSIONS],
    needs=[extension_error],
    depends_on=[REGISTERS],
)
def error_type_required(world: World, course: Course) -> None:
    """An extension's error without a type is refused, with the error type Extension.MissingHeader."""
    _check_refused(world, course["without type"], "Extension.MissingHeader")


def _check_refused(world: World, answer: Answer, error_type: str) -> None:
    # The Developer Guide names 400 and 403, AWS's emulator always says 403.
    world.check(answer.status in (400, 403), "400 or 403", answer.story)
    world.check(answer.error_type == error_type, error_type, answer.story)


def _event(answer: Answer) -> dict[str, Any]:
    value = answer.json
    return value if isinstance(value, dict) and answer.status == 200 else {}

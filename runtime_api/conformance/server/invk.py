"""INVK: callers."""

from __future__ import annotations

import asyncio
import base64

from runtime_api.conformance.cases import SHOULD, Section, scenario
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.runtime import Runtime
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import CONCURRENCY, INVOKE
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import (
    HEADER_CALLER_REQUEST_ID,
    HEADER_EXECUTED_VERSION,
    HEADER_INVOCATION_TYPE,
    HEADER_LOG_RESULT,
    HEADER_LOG_TYPE,
    HEADER_REQUEST_ID,
)

INVK = Section("SV-INVK", "callers")

# What runs nothing is answered at once.
_UNRUN_S = 2.0
_LINE = "a line of the function"
_INVOKES = ("SV-NEXT-001",)


@scenario("two-callers", lasts_s=2.0)
async def two_callers(stage: Stage) -> None:
    """Two calls at once, answered by whatever runtimes there are; then a third."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    calls = [stage.invoke(b'"first"'), stage.invoke(b'"second"')]
    answering = asyncio.create_task(answer_all(stage))
    for number, call in enumerate(calls):
        stage.keep(f"outcome {number}", await call)
    stage.keep("later", await stage.invoke(b'"third"'))
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)


async def answer_all(stage: Stage) -> None:
    """Let every runtime that is started answer each event with itself."""
    echoing: list[asyncio.Task[None]] = []
    try:
        while True:
            runtime = await stage.runtime(within_s=60.0)
            echoing.append(asyncio.create_task(_echo(runtime)))
    finally:
        for task in echoing:
            task.cancel()


async def _echo(runtime: Runtime) -> None:
    while runtime.is_there:
        event = await runtime.next(within_s=60.0)
        if event.status != 200:
            return
        await runtime.respond(event.body)


@scenario("dry-run")
async def dry_run_call(stage: Stage) -> None:
    """A call that is to run nothing."""
    await stage.start()
    stage.keep("dry run", await stage.invoke(b"{}", [(HEADER_INVOCATION_TYPE, "DryRun")], within_s=_UNRUN_S))
    stage.fact("started", (await stage.runtime(within_s=stage.pace.quiet_s)).is_there)


@scenario("no-json")
async def no_json_call(stage: Stage) -> None:
    """An event that is no JSON."""
    await stage.start()
    stage.keep("no JSON", await stage.invoke(b"{no", within_s=_UNRUN_S))


@scenario("logged-call")
async def logged_call(stage: Stage) -> None:
    """A function that does not exist; then a call that wants its log."""
    await stage.start()
    nowhere = "/2015-03-31/functions/conformance-there-is-none/invocations"
    stage.keep("nowhere", await stage.invoke(b"{}", path=nowhere, within_s=_UNRUN_S))
    call = stage.invoke(b"{}", [(HEADER_LOG_TYPE, "Tail")])
    runtime = await stage.runtime()
    event = stage.keep("event", await runtime.next())
    await runtime.print(_LINE)
    await runtime.respond(request_id=event.header(HEADER_REQUEST_ID) or "")
    await runtime.park()
    stage.keep("outcome", await call)


@INVK.case(
    "SV-INVK-001",
    "concurrent",
    SHOULD,
    "XF",
    refs=[INVOKE, CONCURRENCY],
    needs=[two_callers],
    depends_on=["SV-NEXT-001"],
)
def concurrent(world: World, course: Course) -> None:
    """Of two calls at once both are answered, one after the other or by two sandboxes, or the second one is told 429.

    Afterwards a third call has to work. Field report: aws-lambda-runtime-interface-emulator#97.
    """
    for number, expected in enumerate((b'"first"', b'"second"')):
        outcome = course[f"outcome {number}"]
        world.check(_is_answered(outcome, expected), f"{expected.decode()}, or 429", outcome.story)
    world.check(not course.has_crashed, "the server goes on", "its process ended")
    world.check(_is_answered(course["later"], b'"third"'), "the third call answered", course["later"].story)


def _is_answered(outcome: Answer, expected: bytes) -> bool:
    return (outcome.status == 200 and outcome.body == expected) or (outcome.status == 429 and not outcome.fault)


@INVK.case("SV-INVK-002", "dry-run", SHOULD, "B", refs=[INVOKE], needs=[dry_run_call], depends_on=_INVOKES)
def dry_run(world: World, course: Course) -> None:
    """A call of the type DryRun is answered 204, and runs nothing."""
    world.check(course["dry run"].status == 204, "204", course["dry run"].story)
    world.check(not course.fact("started"), "no runtime started for it", "one was started")


@INVK.case("SV-INVK-003", "unknown-function", SHOULD, "B", refs=[INVOKE], needs=[logged_call], depends_on=_INVOKES)
def unknown_function(world: World, course: Course) -> None:
    """A call of a function that does not exist is answered 404, ResourceNotFoundException."""
    _check_exception(world, course["nowhere"], 404, "ResourceNotFoundException")


@INVK.case("SV-INVK-004", "event-is-json", SHOULD, "B", refs=[INVOKE], needs=[no_json_call], depends_on=_INVOKES)
def event_is_json(world: World, course: Course) -> None:
    """An event that is no JSON is answered 400, InvalidRequestContentException."""
    _check_exception(world, course["no JSON"], 400, "InvalidRequestContentException")


@INVK.case("SV-INVK-005", "log-tail", SHOULD, "B", refs=[INVOKE], needs=[logged_call], depends_on=_INVOKES)
def log_tail(world: World, course: Course) -> None:
    """A caller who asks for it gets the end of the log, base64, with what the function printed."""
    text = _decoded(course["outcome"].header(HEADER_LOG_RESULT) or "")
    world.check(_LINE in text, f"a log with {_LINE}", text or course["outcome"].headers)


@INVK.case("SV-INVK-006", "request-id", SHOULD, "B", refs=[INVOKE], needs=[logged_call], depends_on=_INVOKES)
def request_id(world: World, course: Course) -> None:
    """The caller is told the invocation's request id."""
    told, seen = course["outcome"].header(HEADER_CALLER_REQUEST_ID), course["event"].header(HEADER_REQUEST_ID)
    world.check(told and told == seen, f"x-amzn-RequestId: {seen}", told or "no such header")


@INVK.case("SV-INVK-007", "executed-version", SHOULD, "B", refs=[INVOKE], needs=[logged_call], depends_on=_INVOKES)
def executed_version(world: World, course: Course) -> None:
    """The caller is told which version was run."""
    told = course["outcome"].header(HEADER_EXECUTED_VERSION)
    world.check(told, "X-Amz-Executed-Version", "no such header")


def _check_exception(world: World, answer: Answer, status: int, name: str) -> None:
    is_named = answer.exception == name
    world.check(answer.status == status and is_named, f"{status} {name}", f"{answer.exception} {answer.story}".strip())


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError:
        return ""

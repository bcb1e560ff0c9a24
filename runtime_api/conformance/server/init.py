"""INIT: initialisation that fails."""

from __future__ import annotations

import asyncio

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.runtime import Runtime
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import ENVIRONMENT, INIT_ERROR, OPENAPI
from runtime_api.conformance.verdicts import World

INIT = Section("SV-INIT", "initialisation that fails")

_TOLD = (b"no such module", b"Runtime.ImportModuleError")
_REASON = b'{"errorMessage":"%b","errorType":"%b"}' % _TOLD
_STATUS = 9
_ABOUT_TO_END_S = 0.2


@scenario("init-error", lasts_s=1.5)
async def init_error(stage: Stage) -> None:
    """A runtime says that it cannot start, says so again where it is left alone for a moment, and polls all the same."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = stage.invoke()
    runtime = await stage.runtime()
    stage.keep("accepted", await runtime.init_fail(_REASON))
    # What a server takes that is about to end the sandbox says nothing of it.
    await runtime.is_ended(within_s=_ABOUT_TO_END_S)
    stage.keep("twice", await runtime.init_fail(_REASON))
    poll = stage.keep("poll", await runtime.next(within_s=1.0))
    stage.fact("ended", not poll.status and await runtime.is_ended())
    await runtime.exit(1)
    # A server may try once more before it tells the caller; that start fails in the same way.
    await _fail_again(stage, call)
    stage.keep("outcome", await call)


async def _fail_again(stage: Stage, call: asyncio.Task[object]) -> None:
    starting: asyncio.Task[Runtime] = asyncio.create_task(stage.runtime())
    await asyncio.wait([starting, call], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        again = starting.result()
        await again.init_fail(_REASON)
        await again.exit(1)
    starting.cancel()


@scenario("init-error-late")
async def init_error_late(stage: Stage) -> None:
    """A runtime that has polled says that it cannot start."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    stage.keep("late", await runtime.init_fail(_REASON))
    stage.keep("answer", await runtime.respond(b'"all well"'))
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("silent-exit", lasts_s=1.5)
async def silent_exit(stage: Stage) -> None:
    """A runtime ends in the middle of an invocation; then there is another call."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    await runtime.exit(_STATUS)
    stage.keep("outcome", await call)
    call = stage.invoke(b'"after"')
    later = await stage.runtime()
    stage.keep("event after", await later.next())
    await later.respond(b'"after"')
    await later.park()
    stage.keep("outcome after", await call)


@INIT.case("SV-INIT-001", "init-error-accepted", MUST, "O", refs=[INIT_ERROR, OPENAPI], needs=[init_error])
def accepted(world: World, course: Course) -> None:
    """An error of initialisation is accepted with 202 before the first poll.

    A server may end the sandbox so soon that the answer is lost with it.
    """
    world.check(course["accepted"].status == 202 or course.is_lost("accepted"), "202", course["accepted"].story)


@INIT.case("SV-INIT-002", "once", MUST, "O", refs=[INIT_ERROR, OPENAPI], needs=[init_error], depends_on=["SV-INIT-001"])
def once(world: World, course: Course) -> None:
    """A second error of initialisation is answered 403, unless the sandbox is ended by then."""
    world.check(course["twice"].status == 403 or course.is_lost("twice"), "403", course["twice"].story)


@INIT.case("SV-INIT-003", "not-after-next", MUST, "O", refs=[INIT_ERROR, OPENAPI], needs=[init_error_late])
def not_after_next(world: World, course: Course) -> None:
    """An error of initialisation after the first poll is answered 403; the invocation goes on."""
    world.check(course["late"].status == 403, "403", course["late"].story)
    world.check(
        course["outcome"].body == b'"all well"', "the invocation's own answer, for the caller", course["outcome"].story
    )


@INIT.case(
    "SV-INIT-004", "next-refused", SHOULD, "R", refs=[INIT_ERROR], needs=[init_error], depends_on=["SV-INIT-001"]
)
def next_refused(world: World, course: Course) -> None:
    """A poll after an error of initialisation is answered 403, unless the sandbox is ended by then."""
    world.check(course["poll"].status == 403 or course.is_lost("poll"), "403", course["poll"].story)


@INIT.case(
    "SV-INIT-005", "surfaces", MUST, "O", refs=[INIT_ERROR, ENVIRONMENT], needs=[init_error], depends_on=["SV-INIT-001"]
)
def surfaces(world: World, course: Course) -> None:
    """The caller gets the error of initialisation.

    A server may start the runtime a second time before that; it fails in the same way. The message and the type of the report have to be in
    the answer; the report within something else, or written anew, is a SHOULD that is not met.
    """
    outcome = course["outcome"]
    is_told = all(text in outcome.body for text in _TOLD)
    if world.check(is_told, _REASON.decode(), outcome.story):
        world.check(outcome.body == _REASON, f"{_REASON.decode()}, byte by byte", outcome.story, level=SHOULD)


@INIT.case(
    "SV-INIT-006", "silent-exit", SHOULD, "R", refs=[ENVIRONMENT], needs=[silent_exit], depends_on=["SV-NEXT-001"]
)
def tells_exit(world: World, course: Course) -> None:
    """When the runtime ends during an invocation, the caller gets Runtime.ExitError with its status, and the next call a new runtime.

    The status, 9, has to be in the message.
    """
    outcome = course["outcome"]
    value = outcome.json
    message = value.get("errorMessage") if isinstance(value, dict) else None
    world.check(outcome.error_type == "Runtime.ExitError", "Runtime.ExitError", outcome.story)
    world.check(
        str(_STATUS) in str(message).rpartition("Error:")[2], f"exit status {_STATUS} in the message", outcome.story
    )
    world.check(
        course["outcome after"].body == b'"after"',
        "the next call answered by a new runtime",
        course["outcome after"].story,
    )

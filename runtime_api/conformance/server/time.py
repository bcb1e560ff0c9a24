"""TIME: timeouts."""

from __future__ import annotations

import time

from runtime_api.conformance.cases import MUST, Section, scenario
from runtime_api.conformance.server.next import deadline_ms_of
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import INVOKE, NEXT, OPENAPI
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_FUNCTION_ERROR

TIME = Section("SV-TIME", "timeouts")

_EARLY_MS = 300
# The sheet of a busy machine: 300 ms are the service's own, the rest is for whoever else runs.
_LATE_MS = 1000
_LATE = b'"too late"'


@scenario("timeout", alone=True, lasts_s=5.0)
async def timeout(stage: Stage) -> None:
    """A runtime sleeps past the deadline, answers late, and there is another call."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = stage.invoke()
    runtime = await stage.runtime()
    event = stage.keep("event", await runtime.next())
    stage.keep("outcome", await call)
    stage.fact("answered ms", time.time() * 1000)
    old = runtime.request_id
    if event.status:
        stage.keep("late", await runtime.respond(_LATE, request_id=old))
    call = stage.invoke(b'"after"')
    later, after = await stage.event_after(runtime)
    stage.keep("event after", after)
    stage.keep("late again", await later.respond(_LATE, request_id=old))
    await later.respond(b'"after"')
    await later.park()
    stage.keep("outcome after", await call)


@TIME.case("SV-TIME-001", "timeout", MUST, "DF", refs=[NEXT, INVOKE], needs=[timeout], depends_on=["SV-NEXT-001"])
def answered_at_deadline(world: World, course: Course) -> None:
    """When the function does not answer, the caller has an answer at the deadline, and it is marked as an error.

    From 300 ms before the deadline that the runtime was told to a second after it. Field report:
    aws-lambda-runtime-interface-emulator#21.
    """
    outcome = course["outcome"]
    deadline_ms = deadline_ms_of(course["event"])
    late_ms = float("inf") if deadline_ms is None else course.fact("answered ms", 0.0) - deadline_ms
    in_time = outcome.status and -_EARLY_MS <= late_ms <= _LATE_MS
    world.check(
        in_time,
        f"an answer at the deadline, {_LATE_MS} ms later at most",
        f"{late_ms:.0f} ms after it: {outcome.story}",
    )
    marked = outcome.status >= 400 or outcome.header(HEADER_FUNCTION_ERROR)
    world.check(marked, "X-Amz-Function-Error, or an error status", outcome.story)


@TIME.case("SV-TIME-002", "late-refused", MUST, "OF", refs=[NEXT, OPENAPI], needs=[timeout], depends_on=["SV-NEXT-001"])
def late_refused(world: World, course: Course) -> None:
    """An answer after the deadline is refused and reaches nobody.

    400, 403 and 410 are refusals; so is the end of the runtime's process. The next caller gets its own answer, though the late one is
    posted once more meanwhile. Field reports: floci#3154, aws-lambda-rust-runtime#1155.
    """
    for name in ("late", "late again"):
        answer = course[name]
        world.check(answer.status in (0, 400, 403, 410), "400, 403 or 410, or no runtime any more", answer.story)
    world.check(
        course["outcome after"].body == b'"after"', "its own answer, for the next caller", course["outcome after"].story
    )

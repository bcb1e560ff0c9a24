"""HTTP: what any HTTP/1.1 client may do."""

from __future__ import annotations

from statistics import median

from runtime_api.conformance.cases import INFO, MUST, SHOULD, Section, scenario
from runtime_api.conformance.server.next import many
from runtime_api.conformance.server_stage.channel import request_bytes
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.runtime import NEXT as NEXT_PATH
from runtime_api.conformance.server_stage.runtime import RUNTIME, response_path
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import HTTP as HTTP_1_1
from runtime_api.conformance.verdicts import World

HTTP = Section("SV-HTTP", "HTTP/1.1")

_LARGE = b'"' + b"y" * (2 * 1024 * 1024) + b'"'
_EXPECT_S = 0.2
_STALL_MS = 1200.0
_CYCLES = 100
_STALL_EACH_MS = 36


@scenario("odd-requests")
async def odd_requests(stage: Stage) -> None:
    """Known paths with other methods, and a path that does not exist."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    stage.keep("POST next", await runtime.call("POST", NEXT_PATH, b"{}"))
    stage.keep("GET response", await runtime.call("GET", response_path(runtime.request_id)))
    stage.keep("unknown", await runtime.call("GET", f"{RUNTIME}/bogus"))
    stage.keep("answer", await runtime.respond(b'"all well"'))
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("expect-continue", lasts_s=1.0)
async def expect_continue(stage: Stage) -> None:
    """A result of 2 MiB whose sender waits a moment for a 100, or for a refusal, before it goes on."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    channel = await runtime.channel()
    fields = [("Host", runtime.host), ("Expect", "100-continue"), ("Content-Length", str(len(_LARGE)))]
    await channel.send(request_bytes("POST", response_path(runtime.request_id), fields))
    answer = await channel.receive(_EXPECT_S)
    # Who is refused at once sends no body.
    if not answer.status:
        await channel.send(_LARGE)
        sent_ms = stage.now_ms()
        answer = await channel.receive(stage.pace.patience_s)
        stage.fact("waited ms", answer.ended_ms - sent_ms)
    stage.keep("accepted", answer)
    await runtime.park()
    outcome = stage.keep("outcome", await call)
    stage.fact("intact", outcome.body == _LARGE)


@HTTP.case("SV-HTTP-001", "method", SHOULD, "H", refs=[HTTP_1_1], needs=[odd_requests], depends_on=["SV-NEXT-001"])
def method(world: World, course: Course) -> None:
    """A known path with another method is answered 405, with an Allow header, and does no harm."""
    for name in ("POST next", "GET response"):
        answer = course[name]
        world.check(answer.status == 405, f"405 for {name}", answer.story)
        world.check(answer.status != 405 or answer.header("allow"), f"an Allow header for {name}", "none")
    world.check(
        course["outcome"].body == b'"all well"', "the invocation's own answer, for the caller", course["outcome"].story
    )


@HTTP.case(
    "SV-HTTP-002", "unknown-path", SHOULD, "H", refs=[HTTP_1_1], needs=[odd_requests], depends_on=["SV-NEXT-001"]
)
def unknown_path(world: World, course: Course) -> None:
    """A path that does not exist is answered 404."""
    world.check(course["unknown"].status == 404, "404", course["unknown"].story)


@HTTP.case("SV-HTTP-003", "keep-alive", MUST, "H", refs=[HTTP_1_1], needs=[many], depends_on=["SV-NEXT-001"])
def keep_alive(world: World, course: Course) -> None:
    """A hundred polls and answers go over one connection, whatever the case of header names."""
    events, answers = course.several("event"), course.several("accepted")
    good = sum(event.status == 200 and not event.fault for event in events)
    world.check(
        good == _CYCLES,
        f"{_CYCLES} events on one connection",
        f"{good}; the last: {events[-1].story if events else 'none'}",
    )
    refused = [answer.story for answer in answers if answer.status != 202]
    world.check(not refused, "202 for each answer", refused[:1])


@HTTP.case(
    "SV-HTTP-004", "expect-continue", MUST, "H", refs=[HTTP_1_1], needs=[expect_continue], depends_on=["SV-RESP-001"]
)
def expect(world: World, course: Course) -> None:
    """A result whose sender expects a 100 is taken without a stall, whether a 100 comes or not.

    2 MiB, which are sent after 200 ms, unless they are refused by then. They have to be accepted within 1.2 s.
    """
    answer = course["accepted"]
    world.check(answer.status == 202, "202", answer.story)
    waited_ms = course.fact("waited ms", 0.0)
    world.check(waited_ms < _STALL_MS, f"within {_STALL_MS:.0f} ms", f"after {waited_ms:.0f} ms")
    world.check(course.fact("intact"), "all of it, for the caller", course["outcome"].story)


@HTTP.case("SV-HTTP-005", "no-nagle-stall", INFO, "X", refs=[HTTP_1_1], needs=[many], depends_on=["SV-NEXT-001"])
def no_nagle_stall(world: World, course: Course) -> None:
    """The time of an empty invocation, there and back, in the median of a hundred.

    A server whose answers leave in two pieces with Nagle's algorithm on needs 40 ms for each; that not one took less than 36 is told.
    """
    cycles = course.fact("cycles", [])[1:] or [float("inf")]
    world.check(min(cycles) < _STALL_EACH_MS, f"one at least in less than {_STALL_EACH_MS} ms", f"{min(cycles):.1f} ms")
    world.note(f"{median(cycles):.1f} ms")

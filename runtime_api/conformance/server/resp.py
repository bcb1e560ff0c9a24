"""RESP: results, and the ids they are posted to."""

from __future__ import annotations

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import is_same_document
from runtime_api.conformance.server.next import RESULTS, invocations
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.channel import chunk, request_bytes
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.runtime import NOBODY, response_path
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import HTTP, INVOKE, LIMITS, OPENAPI, RESPONSE
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_FUNCTION_ERROR, HEADER_RESPONSE_MODE

RESP = Section("SV-RESP", "results")

ACCEPTS = "SV-RESP-001"
_LIMIT_BYTES = 6 * 1024 * 1024
# What the service lets a result be beyond 6 MiB.
_SLACK_BYTES = 100
_ERROR = b'{"errorMessage":"late","errorType":"Conformance.Late"}'


@scenario("answers-in-disorder")
async def answers_in_disorder(stage: Stage) -> None:
    """Answers before any poll, with ids that do not exist, twice, and with the id of the invocation before."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    stage.keep("before any poll", await runtime.respond(b'"early"', request_id=NOBODY))
    await runtime.next()
    stage.keep("normal answer", await runtime.respond(b'"normal"'))
    stage.keep("second answer", await runtime.respond(b'"second"'))
    stage.keep("error after response", await runtime.fail(_ERROR))
    await runtime.park()
    stage.keep("normal outcome", await call)
    old = runtime.request_id
    call = stage.invoke()
    await runtime.next()
    stage.keep("unknown id", await runtime.respond(b'"nobody"', request_id=NOBODY))
    stage.keep("stale id", await runtime.respond(b'"stale"', request_id=old))
    stage.keep("current answer", await runtime.respond(b'"current"'))
    await runtime.park()
    stage.keep("current outcome", await call)


@scenario("large-results", lasts_s=1.5)
async def large_results(stage: Stage) -> None:
    """A result of 6 MiB, then one that is too large, then a small one."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    body = b'"' + b"x" * (_LIMIT_BYTES - 2) + b'"'
    stage.keep("at the limit", await runtime.respond(body))
    await runtime.park()
    outcome = stage.keep("outcome at the limit", await call)
    stage.fact("intact", outcome.body == body)
    call = stage.invoke()
    await runtime.next()
    stage.keep("too large", await runtime.respond(body + b" " * (_SLACK_BYTES + 1)))
    await runtime.park()
    stage.keep("outcome of too large", await call)
    call = stage.invoke()
    stage.keep("poll after", await runtime.next())
    stage.keep("answer after", await runtime.respond(b'"small"'))
    await runtime.park()
    stage.keep("outcome after", await call)


@scenario("cut-upload", lasts_s=3.0)
async def cut_upload(stage: Stage) -> None:
    """A result that ends before its announced length."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    channel = await runtime.channel()
    head = request_bytes(
        "POST", response_path(runtime.request_id), [("Host", runtime.host), ("Content-Length", "1000")]
    )
    await channel.send(head + b'"half')
    await channel.end_of_request()
    stage.keep("cut", await channel.receive(stage.pace.quiet_s))
    await runtime.park()
    stage.keep("outcome", await call)


@scenario("odd-mode", lasts_s=1.0)
async def odd_mode(stage: Stage) -> None:
    """A result with a response mode that does not exist, after which the runtime goes on."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    stage.keep("odd mode", await runtime.respond(b'"odd"', [(HEADER_RESPONSE_MODE, "bogus")]))
    # Some servers leave the invocation to be answered again, in others it is over.
    stage.keep("again", await runtime.respond(b'"even"'))
    stage.keep("poll", await runtime.next(within_s=stage.pace.quiet_s))
    stage.keep("outcome", await call)
    call = stage.invoke(b'"after"')
    later, after = await stage.event_after(runtime)
    stage.keep("poll after", after)
    stage.keep("answer after", await later.respond(b'"after"'))
    await later.park()
    stage.keep("outcome after", await call)


@scenario("chunked-upload")
async def chunked_upload(stage: Stage) -> None:
    """A result without a Content-Length, in three chunks."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    channel = await runtime.channel()
    headers = [("Host", runtime.host), ("Transfer-Encoding", "chunked")]
    await channel.send(request_bytes("POST", response_path(runtime.request_id), headers))
    for piece in (b'"ab', b"cd", b'ef"'):
        await channel.send(chunk(piece))
    await channel.send(chunk(b"") + b"\r\n")
    stage.keep("accepted", await channel.receive(stage.pace.patience_s))
    await runtime.park()
    stage.keep("outcome", await call)


@RESP.case(
    "SV-RESP-001", "accepted", MUST, "O", refs=[RESPONSE, OPENAPI], needs=[invocations], depends_on=["SV-NEXT-001"]
)
def accepted(world: World, course: Course) -> None:
    """A result is accepted with 202 and a JSON object with a `status`.

    Another body, or none, is a SHOULD that is not met: no invocation is lost by it.
    """
    answer = course["accepted 0"]
    world.check(answer.status == 202, "202", answer.story)
    value = answer.json
    world.check(
        isinstance(value, dict) and isinstance(value.get("status"), str),
        'an object such as {"status":"OK"}',
        answer.story,
        level=SHOULD,
    )


@RESP.case(
    "SV-RESP-002", "delivered-exact", MUST, "D", refs=[RESPONSE, INVOKE], needs=[invocations], depends_on=[ACCEPTS]
)
def delivered_exact(world: World, course: Course) -> None:
    """The caller gets the bytes that were posted, unchanged, with status 200.

    White space, UTF-8, escapes, and nothing at all. The same JSON written anew is a SHOULD that is not met.
    """
    for number, result in enumerate(RESULTS):
        outcome = course[f"outcome {number}"]
        same = outcome.status == 200 and is_same_document(result, outcome.body)
        if world.check(same, f"200 {result!r}", outcome.story):
            world.check(outcome.body == result, f"{result!r}, byte by byte", outcome.story, level=SHOULD)


@RESP.case(
    "SV-RESP-003", "unknown-id", MUST, "OR", refs=[RESPONSE, OPENAPI], needs=[answers_in_disorder], depends_on=[ACCEPTS]
)
def unknown_id(world: World, course: Course) -> None:
    """A result for a request id that does not exist is answered 400, with the error type InvalidRequestID."""
    answer = course["unknown id"]
    world.check(answer.status == 400, "400", answer.story)
    world.check(answer.error_type == "InvalidRequestID", "InvalidRequestID", answer.story, level=SHOULD)


@RESP.case(
    "SV-RESP-004",
    "before-any-next",
    MUST,
    "O",
    refs=[RESPONSE, OPENAPI],
    needs=[answers_in_disorder],
    depends_on=[ACCEPTS],
)
def before_any_next(world: World, course: Course) -> None:
    """A result before the first poll is refused, with 400 or 403, and does no harm."""
    answer = course["before any poll"]
    world.check(answer.status in (400, 403), "400 or 403", answer.story)
    world.check(course["normal answer"].status == 202, "202 for the first real answer", course["normal answer"].story)
    world.check(
        course["normal outcome"].body == b'"normal"', "that answer, for the caller", course["normal outcome"].story
    )


@RESP.case(
    "SV-RESP-005",
    "second-answer",
    MUST,
    "O",
    refs=[RESPONSE, OPENAPI],
    needs=[answers_in_disorder],
    depends_on=[ACCEPTS],
)
def second_answer(world: World, course: Course) -> None:
    """A second result for the same invocation is refused, with 400 or 403; the caller keeps the first."""
    _check_refused(world, course["second answer"])
    world.check(
        course["normal outcome"].body == b'"normal"', "the first answer, for the caller", course["normal outcome"].story
    )


@RESP.case(
    "SV-RESP-006",
    "error-after-response",
    MUST,
    "O",
    refs=[RESPONSE, OPENAPI],
    needs=[answers_in_disorder],
    depends_on=[ACCEPTS],
)
def error_after_response(world: World, course: Course) -> None:
    """An error for an invocation that has its result is refused, with 400 or 403."""
    _check_refused(world, course["error after response"])


@RESP.case(
    "SV-RESP-007", "stale-id", MUST, "O", refs=[RESPONSE, OPENAPI], needs=[answers_in_disorder], depends_on=[ACCEPTS]
)
def stale_id(world: World, course: Course) -> None:
    """A result for the invocation before is refused, with 400 or 403, and the present one is not touched."""
    _check_refused(world, course["stale id"])
    world.check(course["current answer"].status == 202, "202 for the present one", course["current answer"].story)
    world.check(
        course["current outcome"].body == b'"current"', "its answer, for the caller", course["current outcome"].story
    )


@RESP.case(
    "SV-RESP-008", "too-large", MUST, "O", refs=[RESPONSE, OPENAPI, LIMITS], needs=[large_results], depends_on=[ACCEPTS]
)
def too_large(world: World, course: Course) -> None:
    """A result beyond 6 MiB and 100 bytes is answered 413, the caller is told, and the runtime may poll on.

    It is a byte larger than the service allows.
    """
    answer, outcome = course["too large"], course["outcome of too large"]
    world.check(answer.status == 413, "413", answer.story)
    world.check(answer.error_type == "RequestEntityTooLarge", "RequestEntityTooLarge", answer.story, level=SHOULD)
    told = outcome.status >= 400 or outcome.error_type is not None or outcome.header(HEADER_FUNCTION_ERROR)
    world.check(told and len(outcome.body) < _LIMIT_BYTES, "an error, for the caller", outcome.story)
    world.check(course["poll after"].status == 200, "the next event on the next poll", course["poll after"].story)
    world.check(
        course["outcome after"].body == b'"small"', "the next invocation as usual", course["outcome after"].story
    )


@RESP.case("SV-RESP-009", "at-limit", MUST, "D", refs=[RESPONSE, LIMITS], needs=[large_results], depends_on=[ACCEPTS])
def at_limit(world: World, course: Course) -> None:
    """A result of exactly 6 MiB passes, whole."""
    world.check(course["at the limit"].status == 202, "202", course["at the limit"].story)
    outcome = course["outcome at the limit"]
    world.check(course.fact("intact"), "all of it, for the caller", f"{len(outcome.body)} bytes; {outcome.story}")


@RESP.case("SV-RESP-010", "truncated", SHOULD, "R", refs=[RESPONSE], needs=[cut_upload], depends_on=[ACCEPTS])
def truncated(world: World, course: Course) -> None:
    """Of a result that ends before its announced length the caller gets no half, but an error.

    The runtime closes its side after half the body. A 400 for it is as good as a connection that is closed without one.
    """
    answer, outcome = course["cut"], course["outcome"]
    world.check(answer.status in (0, 400), "400, or the end of the connection", answer.story)
    told = outcome.status >= 400 or outcome.header(HEADER_FUNCTION_ERROR)
    world.check(told and b"half" not in outcome.body, "an error, for the caller", outcome.story)


@RESP.case("SV-RESP-011", "bad-mode", SHOULD, "R", refs=[RESPONSE], needs=[odd_mode], depends_on=[ACCEPTS])
def bad_mode(world: World, course: Course) -> None:
    """A response mode that does not exist is answered 400, with the error type InvalidFunctionResponseMode."""
    answer = course["odd mode"]
    is_named = answer.error_type == "InvalidFunctionResponseMode"
    world.check(answer.status == 400 and is_named, "400 InvalidFunctionResponseMode", answer.story)


@RESP.case("SV-RESP-012", "bad-mode-recovers", SHOULD, "X", refs=[RESPONSE], needs=[odd_mode], depends_on=[ACCEPTS])
def bad_mode_recovers(world: World, course: Course) -> None:
    """After a response mode that does not exist the environment can be used, in place or started anew.

    The runtime answers again, properly, and whatever comes of that, it polls. That may not be refused, unless its process is ended and a
    new one started, and the next invocation has to work.
    """
    stuck = course["poll"].is_refusal
    world.check(not stuck, "no refusal of the next poll", course["poll"].story)
    world.check(course["poll after"].body == b'"after"', "the next event", course["poll after"].story)
    world.check(course["outcome after"].body == b'"after"', "its answer, for the caller", course["outcome after"].story)


@RESP.case(
    "SV-RESP-013", "chunked-upload", MUST, "H", refs=[HTTP, RESPONSE], needs=[chunked_upload], depends_on=[ACCEPTS]
)
def chunked(world: World, course: Course) -> None:
    """A result without a Content-Length, in chunks, is accepted."""
    world.check(course["accepted"].status == 202, "202", course["accepted"].story)
    world.check(
        course["outcome"].body == b'"abcdef"', "the chunks put together, for the caller", course["outcome"].story
    )


def _check_refused(world: World, answer: Answer) -> None:
    world.check(answer.status in (400, 403), "400 or 403", answer.story)

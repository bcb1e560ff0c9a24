"""ERR: errors of the function."""

from __future__ import annotations

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import is_same_document
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import INVOCATION_ERROR, INVOKE, OPENAPI
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_ERROR_TYPE, HEADER_FUNCTION_ERROR

ERR = Section("SV-ERR", "errors of the function")

ERROR = b'{"errorMessage": "no such bird: \\u00e4", "errorType": "KeyError", "stackTrace": ["a", "b"]}'
_WEIRD = "my weird type\t<b>"


@scenario("function-errors")
async def function_errors(stage: Stage) -> None:
    """An error as runtimes post it, one that is no JSON, and three with odd error types."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    typed = [("Content-Type", "application/json"), (HEADER_ERROR_TYPE, "Runtime.Conformance")]
    posts = {
        "plain": (ERROR, typed),
        "text": (b"no JSON at all", [("Content-Type", "text/plain"), (HEADER_ERROR_TYPE, "Runtime.Conformance")]),
        "untyped": (ERROR, []),
        "weird": (ERROR, [(HEADER_ERROR_TYPE, _WEIRD)]),
        "long": (ERROR, [(HEADER_ERROR_TYPE, "x" * 8000)]),
    }
    for name, (body, headers) in posts.items():
        await runtime.next()
        stage.keep(f"{name} accepted", await runtime.fail(body, headers))
        await runtime.park()
        stage.keep(f"{name} outcome", await call)
        call = stage.invoke()


@ERR.case(
    "SV-ERR-001",
    "error-accepted",
    MUST,
    "O",
    refs=[INVOCATION_ERROR, OPENAPI],
    needs=[function_errors],
    depends_on=["SV-NEXT-001"],
)
def error_accepted(world: World, course: Course) -> None:
    """An error is accepted with 202, and the caller gets its body as it was posted.

    The same JSON written anew is a SHOULD that is not met.
    """
    world.check(course["plain accepted"].status == 202, "202", course["plain accepted"].story)
    outcome = course["plain outcome"]
    if world.check(is_same_document(ERROR, outcome.body), ERROR.decode(), outcome.story):
        world.check(outcome.body == ERROR, f"{ERROR.decode()}, byte by byte", outcome.story, level=SHOULD)


@ERR.case(
    "SV-ERR-002", "function-error-mark", MUST, "DF", refs=[INVOKE], needs=[function_errors], depends_on=["SV-ERR-001"]
)
def function_error_mark(world: World, course: Course) -> None:
    """The caller is told by X-Amz-Function-Error that it is an error.

    Either of the two documented values. Field report: aws-lambda-runtime-interface-emulator#20.
    """
    seen = course["plain outcome"].header(HEADER_FUNCTION_ERROR)
    world.check(seen in ("Unhandled", "Handled"), "X-Amz-Function-Error: Unhandled", seen or "no such header")


@ERR.case(
    "SV-ERR-003",
    "lenient-body",
    SHOULD,
    "R",
    refs=[INVOCATION_ERROR],
    needs=[function_errors],
    depends_on=["SV-ERR-001"],
)
def lenient_body(world: World, course: Course) -> None:
    """An error that is no JSON is accepted."""
    world.check(course["text accepted"].status == 202, "202", course["text accepted"].story)
    world.check(course["text outcome"].status, "an answer for the caller", course["text outcome"].story)


@ERR.case(
    "SV-ERR-004",
    "type-default",
    SHOULD,
    "R",
    refs=[INVOCATION_ERROR],
    needs=[function_errors],
    depends_on=["SV-ERR-001"],
)
def type_default(world: World, course: Course) -> None:
    """An error type that is missing, odd or far too long is no reason to refuse an error, and is not reflected into headers.

    Only of the long one, 8000 characters, a server may say that it is too large, with a status from 400 to 499.
    """
    for name in ("untyped", "weird", "long"):
        answer = course[f"{name} accepted"]
        allowed = answer.status == 202 or (name == "long" and answer.is_refusal)
        world.check(allowed, f"202 for an error whose type is {name}", answer.story)
        reflected = [
            value
            for _, value in [*answer.headers, *course[f"{name} outcome"].headers]
            if "weird" in value or "xxxx" in value
        ]
        world.check(not reflected, "no header with the odd type", ", ".join(reflected))

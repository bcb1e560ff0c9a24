"""ERR: how a runtime reports that a handler has failed."""

from __future__ import annotations

import re

from runtime_api.conformance.cases import MAY, MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import strict_json
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime_stage.event import event, op
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Run
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import HTTP, INVOCATION_ERROR, OPENAPI
from runtime_api.conformance.verdicts import World, shown
from runtime_api.protocol.names import HEADER_ERROR_CAUSE, HEADER_ERROR_TYPE

ERR = Section("RT-ERR", "function errors")
_REPORTS = "RT-ERR-001"

_MESSAGE = "raised on purpose"
_INJECTED = "X-Injected"
_HOSTILE: tuple[dict[str, object], ...] = (
    {"message": f"first\r\n{_INJECTED}: message\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
    {"message": "a\x00b\x1b[31m\x7f"},
    {"message": "Grüße, 世界, 👩‍🚀, \u2028"},
    {"message": _MESSAGE, "type": f"Odd\r\n{_INJECTED}: type"},
    {"message": _MESSAGE, "type": "Fehlermöglichkeit"},
)
_ODD = (
    op("raise-odd", kind="no-text"),
    op("raise-odd", kind="recursion"),
    op("raise-odd", kind="depth"),
    op("raise", length=2 * 1024 * 1024),
)
_ODD_NAMES = ("no text", "a recursion without end", "a deep stack", "a text of 2 MiB")
_CAUSE_CHARACTERS_MAX = 1024 * 1024
# An absolute path in a line of a stack: File "/var/…", (/var/…:1:2), file:///var/….
_PATH = re.compile(r"""(?:^|[\s"'(]|file://)(/[^\s"'():]+)""")


@scenario("errors")
async def errors(stage: Stage) -> None:
    """An event whose handler raises, between two that ask for the process id."""
    await stage.start()
    await stage.serve(op("pid"), op("raise", message=_MESSAGE), op("pid"))


@scenario("hostile-errors", lasts_s=1.0)
async def hostile_errors(stage: Stage) -> None:
    """Exceptions whose texts and names are not fit for a header, then an ordinary event."""
    await stage.start()
    await stage.serve(*(event({"op": "raise", **raised}) for raised in _HOSTILE), op("echo", value="after"))


@scenario("odd-errors", lasts_s=1.0)
async def odd_errors(stage: Stage) -> None:
    """Exceptions that are hard to report, then an ordinary event."""
    await stage.start()
    await stage.serve(*_ODD, op("echo", value="after"))


@ERR.case("RT-ERR-001", "reports", MUST, "D", refs=[INVOCATION_ERROR], needs=[errors], depends_on=[REACHES_API])
def reports(world: World, run: Run) -> None:
    """An exception of the handler is reported by one POST to /runtime/invocation/ID/error."""
    answers = [answer.call.value for invocation in run.invocations[1:2] for answer in invocation.answers]
    world.check(answers == [Call.ERROR.value], "one POST to /runtime/invocation/ID/error", answers or run.story)


@ERR.case("RT-ERR-002", "survives", SHOULD, "C", refs=[INVOCATION_ERROR], needs=[errors], depends_on=[_REPORTS])
def survives(world: World, run: Run) -> None:
    """After an exception the same process serves the next event."""
    before, after = run.result(0), run.result(2)
    world.check(isinstance(before, int) and before == after, f"the process id {before} again", after)


@ERR.case("RT-ERR-003", "error-body-shape", SHOULD, "O", refs=[OPENAPI], needs=[errors], depends_on=[_REPORTS])
def error_body_shape(world: World, run: Run) -> None:
    """The report has the exception's text as errorMessage, its class as errorType, and a list of texts as stackTrace."""
    body, posted = _body(run), _posted(run)
    message, kind, trace = (body.get(name) for name in ("errorMessage", "errorType", "stackTrace"))
    world.check(isinstance(message, str) and _MESSAGE in message, f"errorMessage: {_MESSAGE}", message or posted)
    # Some languages qualify it by package or module.
    world.check(isinstance(kind, str) and kind.endswith("ConfError"), "errorType: ConfError", kind or posted)
    listed = isinstance(trace, list) and all(isinstance(line, str) for line in trace)
    # A whole stack is long.
    others = f"only {', '.join(sorted(body))}" if body else posted
    world.check(listed, "stackTrace: a list of texts", trace if "stackTrace" in body else others)


@ERR.case("RT-ERR-004", "user-frames", SHOULD, "C", refs=[INVOCATION_ERROR], needs=[errors], depends_on=[_REPORTS])
def user_frames(world: World, run: Run) -> None:
    """The stack begins in the function's own code, and has no frame of the runtime.

    Of each line of stackTrace, or of trace as AWS's client for Node.js has it, the absolute path in it is looked at.
    """
    body = _body(run)
    trace = body.get("stackTrace") or body.get("trace") or []
    lines = trace if isinstance(trace, list) else [trace]
    files = [path for line in lines for path in _PATH.findall(str(line))]
    others = [path for path in files if not re.search(r"/conf\.\w+$", path)]
    if world.check(files, "a frame in conf", lines):
        world.check(files[0] not in others, "a stack that begins in conf", files[0])
        world.check(not others, "no frame of anything but the function", others)


@ERR.case(
    "RT-ERR-005",
    "hostile-message",
    MUST,
    "H",
    refs=[HTTP],
    needs=[hostile_errors, odd_errors],
    depends_on=[_REPORTS],
)
def hostile_message(world: World, hostile: Run, odd: Run) -> None:
    """Whatever is in an exception's text or class name, the report is one well-formed request with valid JSON.

    Line ends, NUL, other control characters, text beyond ASCII, 2 MiB of text; a class name with a line end, and one beyond ASCII.
    """
    for number, raised in enumerate(_HOSTILE):
        answer = hostile.answer(number)
        world.check(answer and answer.call is Call.ERROR, f"an error for {shown(raised)}", hostile.result(number))
    world.check(hostile.result(len(_HOSTILE)) == "after", "the next event served", hostile.result(len(_HOSTILE)))
    for run in (hostile, odd):
        loose = [answer.request.body for answer in run.of(Call.ERROR) if not isinstance(answer.request.json, dict)]
        world.check(not loose, "a JSON object in each report", loose[:1])
        injected = [one.request.raw_head for one in run.exchanges if one.request.header(_INJECTED) is not None]
        world.check(not injected, "no header made of an exception", injected[:1])
        broken = [one.request.malformed for one in run.exchanges if one.request.malformed]
        world.check(run.exchanges and not broken, "well-formed requests", broken)


@ERR.case(
    "RT-ERR-006", "odd-exceptions", SHOULD, "X", refs=[INVOCATION_ERROR], needs=[odd_errors], depends_on=[_REPORTS]
)
def odd_exceptions(world: World, run: Run) -> None:
    """An exception that is hard to report is reported nevertheless, and the next event is served.

    One has no text because asking for it raises, one is of a recursion without end, one has a stack of 10,000 entries, one 2 MiB of text.
    """
    for number, name in enumerate(_ODD_NAMES):
        answer = run.answer(number)
        world.check(answer and answer.call is Call.ERROR, f"an error for {name}", run.result(number))
    world.check(run.result(len(_ODD)) == "after", "the next event served", run.result(len(_ODD)))


@ERR.case(
    "RT-ERR-007",
    "xray-cause",
    MAY,
    "CR",
    refs=[INVOCATION_ERROR],
    needs=[errors, hostile_errors, odd_errors],
    depends_on=[_REPORTS],
)
def xray_cause(world: World, *runs: Run) -> None:
    """A cause for X-Ray, if one is sent, is a JSON object with exceptions and paths, and no longer than 1 MiB.

    AWS's clients for Python, Go and Java leave out what is longer; the platform keeps 64 KiB. One exception has 2 MiB of text.
    """
    reports = [answer for run in runs for answer in run.of(Call.ERROR)]
    causes = [cause for report in reports if (cause := report.request.header(HEADER_ERROR_CAUSE))]
    world.note(f"sent with {len(causes)} of {len(reports)} errors, the longest {max(map(len, causes), default=0)} long")
    for cause in causes:
        world.check(_is_cause(cause), "a JSON object with exceptions and paths", cause)
        world.check(len(cause) <= _CAUSE_CHARACTERS_MAX, "1 MiB at most", f"{len(cause)} characters")


@ERR.case("RT-ERR-008", "error-type-header", MAY, "D", refs=[INVOCATION_ERROR], needs=[errors], depends_on=[_REPORTS])
def error_type_header(world: World, run: Run) -> None:
    """The report has a header Lambda-Runtime-Function-Error-Type."""
    answer = run.answer(1)
    kind = answer and answer.request.header(HEADER_ERROR_TYPE)
    world.check(kind, f"a header {HEADER_ERROR_TYPE}", "none")


def _body(run: Run) -> dict[str, object]:
    """The report of the one event of `errors` that raises."""
    body = _posted(run)
    return body if isinstance(body, dict) else {}


def _posted(run: Run) -> object:
    answer: Exchange | None = run.answer(1)
    return answer.request.json if answer else run.result(1)


def _is_cause(text: str) -> bool:
    cause = strict_json(text.encode("latin-1", "replace"))
    return isinstance(cause, dict) and all(isinstance(cause.get(name), list) for name in ("exceptions", "paths"))

"""INIT: what a runtime does when the function cannot be loaded."""

from __future__ import annotations

import re

from runtime_api.conformance.cases import INFO, MUST, SHOULD, Scenario, Section
from runtime_api.conformance.messages import NotJson
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime.ending import END_S, WATCH_S
from runtime_api.conformance.runtime_stage.record import Call, Process, Run
from runtime_api.conformance.runtime_stage.scripted_api import refusal
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import CUSTOM, INIT_ERROR, OPENAPI
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_ERROR_TYPE

INIT = Section("RT-INIT", "initialisation failure")
_REPORTED = "RT-INIT-001"

_TRIES_MAX = 2


def _failing(name: str, handler: str) -> Scenario:
    async def play(stage: Stage) -> None:
        await stage.start(handler)
        await stage.until(lambda: stage.run.init_errors or stage.run.polls)
        await stage.gone(within_s=WATCH_S)

    return Scenario(name, play)


module_missing = _failing("module-missing", "conf_missing.main")
function_missing = _failing("function-missing", "conf.no_such")
no_dot = _failing("handler-without-a-dot", "nodot")
syntax_error = _failing("syntax-error", "conf_syntax.main")
raising_import = _failing("raising-import", "conf.boom_import")
exiting_import = _failing("exiting-import", "conf.exit_import")
_BY_THE_RUNTIME = [module_missing, function_missing, no_dot, syntax_error]


def _refused(status: int) -> Scenario:
    async def play(stage: Stage) -> None:
        stage.api.set_reply(Call.INIT_ERROR, refusal(status), always=True)
        await stage.start("conf_missing.main")
        await stage.count(Call.INIT_ERROR, 1)
        await stage.gone(within_s=WATCH_S)

    return Scenario(f"init-error-{status}", play)


refused_403, refused_500 = _refused(403), _refused(500)


@INIT.case(
    "RT-INIT-001", "module-missing", MUST, "D", refs=[INIT_ERROR], needs=[module_missing], depends_on=[REACHES_API]
)
def reports_missing_module(world: World, run: Run) -> None:
    """A function that cannot be loaded is reported by exactly one POST to /runtime/init/error.

    _HANDLER names a file that is not there.
    """
    world.check(len(run.init_errors) == 1, "one POST to /runtime/init/error", run.story)


@INIT.case("RT-INIT-002", "no-next-after", MUST, "D", refs=[INIT_ERROR], needs=[module_missing], depends_on=[_REPORTED])
def no_next_after(world: World, run: Run) -> None:
    """After the report the runtime does not poll, and its process ends within 2 s."""
    world.check(not run.polls, "no next after the failure", run.story)
    reported_ms = run.init_errors[0].request.arrived_ms if run.init_errors else 0.0
    world.check(
        _ended_within(run.process, reported_ms), f"an end within {END_S:.0f} s of the report", _ending(run.process)
    )


@INIT.case(
    "RT-INIT-003", "exit-nonzero", SHOULD, "C", refs=[CUSTOM], needs=[module_missing], depends_on=["RT-INIT-002"]
)
def exit_nonzero(world: World, run: Run) -> None:
    """The exit status is not 0, and no signal was needed."""
    world.check((run.process.status or 0) > 0, "an exit status above 0", _ending(run.process))


@INIT.case(
    "RT-INIT-004", "function-missing", MUST, "D", refs=[INIT_ERROR], needs=[function_missing], depends_on=[_REPORTED]
)
def reports_missing_function(world: World, run: Run) -> None:
    """A file without the function that _HANDLER names is reported to /runtime/init/error."""
    world.check(run.init_errors, "a POST to /runtime/init/error", run.story)


@INIT.case("RT-INIT-005", "bad-handler-string", SHOULD, "C", refs=[CUSTOM], needs=[no_dot], depends_on=[_REPORTED])
def reports_bad_handler_string(world: World, run: Run) -> None:
    """A _HANDLER that is no file and function is reported to /runtime/init/error, not only on stderr.

    _HANDLER is `nodot`.
    """
    world.check(run.init_errors, "a POST to /runtime/init/error", run.story)


@INIT.case("RT-INIT-006", "syntax-error", SHOULD, "C", refs=[INIT_ERROR], needs=[syntax_error], depends_on=[_REPORTED])
def reports_syntax_error(world: World, run: Run) -> None:
    """A source that cannot be parsed is reported with its file and line.

    The mistake is in line 4 of `conf_syntax`; the body of the report has to hold both.
    """
    if world.check(run.init_errors, "a POST to /runtime/init/error", run.story):
        text = run.init_errors[0].request.body.decode("utf-8", "replace")
        named = "conf_syntax" in text and re.search(r"\b4\b", text)
        world.check(named, "a report that names conf_syntax and line 4", text)


@INIT.case(
    "RT-INIT-007", "raise-in-global", MUST, "D", refs=[INIT_ERROR], needs=[raising_import], depends_on=[_REPORTED]
)
def reports_raise_in_global(world: World, run: Run) -> None:
    """An exception while loading is reported with its type and its message.

    The function raises with the message "raised while loading".
    """
    if not world.check(run.init_errors, "a POST to /runtime/init/error", run.story):
        return
    body = run.init_errors[0].request.json
    fields = body if isinstance(body, dict) else {}
    world.check(
        "raised while loading" in str(fields.get("errorMessage")), "the exception's message as errorMessage", body
    )
    world.check(fields.get("errorType"), "the exception's type as errorType", body)


@INIT.case("RT-INIT-008", "body-shape", SHOULD, "O", refs=[OPENAPI], needs=[module_missing], depends_on=[_REPORTED])
def body_shape(world: World, run: Run) -> None:
    """The report is a JSON object with strings errorMessage and errorType, and stackTrace, if there, a list of strings."""
    body = run.init_errors[0].request.json if run.init_errors else NotJson("no report")
    world.check(_is_error_body(body), "errorMessage and errorType as strings, stackTrace as a list of strings", body)


@INIT.case("RT-INIT-009", "type-header", SHOULD, "D", refs=[INIT_ERROR], needs=_BY_THE_RUNTIME, depends_on=[_REPORTED])
def type_header(world: World, *runs: Run) -> None:
    """What the runtime itself finds wrong has a header Lambda-Runtime-Function-Error-Type of the form Category.Reason."""
    reports = [report for run in runs for report in run.init_errors]
    types = [report.request.header(HEADER_ERROR_TYPE) for report in reports]
    formed = all(found and re.fullmatch(r"[A-Za-z]+\.[A-Za-z]\w*", found) for found in types)
    world.check(types and formed, "a type such as Runtime.NoSuchHandler with each report", types)


@INIT.case(
    "RT-INIT-010",
    "reply-403-500",
    SHOULD,
    "O",
    refs=[OPENAPI],
    needs=[refused_403, refused_500],
    depends_on=[_REPORTED],
)
def refused_report(world: World, *runs: Run) -> None:
    """A report that is refused is tried twice at most, and the process still ends with a status other than 0.

    The report is answered 403, and in a second run 500.
    """
    for status, run in zip((403, 500), runs, strict=True):
        tries = len(run.init_errors)
        world.check(tries <= _TRIES_MAX, f"at most {_TRIES_MAX} reports when they are answered {status}", f"{tries}")
        ended = (run.process.status or 0) > 0
        world.check(ended, f"an exit status above 0 after a {status}", _ending(run.process))


@INIT.case("RT-INIT-011", "exit-in-global", INFO, "R", refs=[CUSTOM], needs=[exiting_import], depends_on=[REACHES_API])
def exit_in_global(world: World, run: Run) -> None:
    """A function that ends the process while loading is reported, or at least its status is kept.

    The function exits with status 7.
    """
    reported = "was reported" if run.init_errors else "was not reported"
    world.note(f"the exit {reported}; the process {run.process.ending}")
    world.check(run.init_errors or run.process.status == 7, "a report, or exit status 7", run.story)


def _ended_within(process: Process, since_ms: float) -> bool:
    return process.status is not None and (process.ended_ms or 0.0) - since_ms <= END_S * 1000


def _ending(process: Process) -> str:
    return f"the process {process.ending}"


def _is_error_body(body: object) -> bool:
    if not isinstance(body, dict):
        return False
    trace = body.get("stackTrace", [])
    texts = [body.get("errorMessage"), body.get("errorType"), *(trace if isinstance(trace, list) else [None])]
    return all(isinstance(text, str) for text in texts)

"""CTX: metadata of the invocation."""

from __future__ import annotations

import contextlib
import time

import msgspec

from runtime_api.conformance.cases import MAY, MUST, SHOULD, Section, scenario
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime_stage.event import FUNCTION_ARN, TRACE, event, op
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Run
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import CUSTOM, HTTP, NEXT, OPENAPI, VARIABLES
from runtime_api.conformance.verdicts import World, shown
from runtime_api.protocol.names import (
    CONTENT_TYPE_JSON,
    ENV_TRACE_ID,
    HEADER_CLIENT_CONTEXT,
    HEADER_COGNITO_IDENTITY,
    HEADER_DEADLINE_MS,
    HEADER_FUNCTION_ARN,
    HEADER_INVOCATION_ID,
    HEADER_REQUEST_ID,
    HEADER_TENANT_ID,
    HEADER_TRACE_ID,
)

CTX = Section("RT-CTX", "metadata of the invocation")
_KNOWS_ID = "RT-CTX-001"

_ARN_ALIAS, _ARN_VERSION = f"{FUNCTION_ARN}:live", f"{FUNCTION_ARN}:7"
_UNUSUAL_ID = "Not-a.UUID_but~7"
_ODD_CASE_IDS = ("lower-case", "upper-case")
_WAIT_MS = 150
_DEADLINE_SLACK_MS = 50
_CALLED_STATUS = 77
_WATCH_S = 0.5

_FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "another-function",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "384",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/another-group",
}
_MEMBERS = {
    "function_name": "AWS_LAMBDA_FUNCTION_NAME",
    "function_version": "AWS_LAMBDA_FUNCTION_VERSION",
    "memory_mb": "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "log_group": "AWS_LAMBDA_LOG_GROUP_NAME",
    "log_stream": "AWS_LAMBDA_LOG_STREAM_NAME",
}
_ALL_HEADERS = {
    HEADER_TRACE_ID: TRACE,
    HEADER_CLIENT_CONTEXT: '{"custom":{"key":"value"},"env":{"locale":"de"},"client":{"installation_id":"i-1"}}',
    HEADER_COGNITO_IDENTITY: '{"cognitoIdentityId":"us-east-1:me","cognitoIdentityPoolId":"us-east-1:pool"}',
    HEADER_TENANT_ID: "blue",
}
# The places of the events of `contexts`.
_FULL, _UNUSUAL, _TRACED, _UNTRACED, _BARE = range(5)


@scenario("contexts")
async def contexts(stage: Stage) -> None:
    """Events with all the metadata there is, then some with the least."""
    await stage.start(environment=_FUNCTION)
    by_alias = _ALL_HEADERS | {HEADER_FUNCTION_ARN: _ARN_ALIAS}
    by_version = _ALL_HEADERS | {HEADER_FUNCTION_ARN: _ARN_VERSION}
    variables = op("env", names=[ENV_TRACE_ID, *_MEMBERS.values()])
    await stage.serve(
        event({"op": "context", "wait_ms": _WAIT_MS}, headers=by_alias),
        event({"op": "context"}, request_id=_UNUSUAL_ID, deadline_in_ms=30_000.0, headers=by_version),
        event({"op": "env", "names": [ENV_TRACE_ID, *_MEMBERS.values()]}, headers=_ALL_HEADERS),
        variables,
        op("context"),
    )


@scenario("past-deadline")
async def past_deadline(stage: Stage) -> None:
    """An event whose deadline is over, then an ordinary one."""
    await stage.start()
    await stage.serve(event({"op": "context"}, deadline_in_ms=-5000.0), op("echo", value="after"))


@scenario("no-deadline")
async def no_deadline(stage: Stage) -> None:
    """An event without a deadline, then an ordinary one."""
    await stage.start()
    await stage.serve(event({"op": "context"}, headers={HEADER_DEADLINE_MS: None}), op("echo", value="after"))


@scenario("bad-client-context")
async def bad_client_context(stage: Stage) -> None:
    """An event whose client context is no JSON, then an ordinary one."""
    await stage.start()
    bad = event({"op": "echo", "value": "called"}, headers={HEADER_CLIENT_CONTEXT: "{bad"})
    await stage.serve(bad, op("echo", value="after"))


@scenario("header-case")
async def header_case(stage: Stage) -> None:
    """The event's headers in lower case, then in upper case, with one nobody knows."""
    await stage.start()
    for request_id, spelled in zip(_ODD_CASE_IDS, (str.lower, str.upper), strict=True):
        headers = {
            "Content-Type": CONTENT_TYPE_JSON,
            HEADER_REQUEST_ID: request_id,
            HEADER_DEADLINE_MS: str(round((time.time() + 60) * 1000)),
            HEADER_FUNCTION_ARN: _ARN_ALIAS,
            "X-Future": "1",
        }
        odd = {spelled(name): value for name, value in headers.items()}
        await stage.serve(event({"op": "context"}, request_id=request_id, headers=odd))


@scenario("no-request-id")
async def no_request_id(stage: Stage) -> None:
    """An event without a request id; a handler that is called nevertheless gives itself away by the exit status."""
    await stage.start()
    nameless = event({"op": "hard-exit", "status": _CALLED_STATUS}, headers={HEADER_REQUEST_ID: None})
    stage.send(nameless)
    await stage.until(lambda: len(stage.run.exchanges) >= 2)
    await stage.rest(_WATCH_S)


@scenario("invocation-ids")
async def invocation_ids(stage: Stage) -> None:
    """A success and an error with an invocation id, then a success and an error without."""
    await stage.start()
    await stage.serve(
        event({"op": "echo", "value": 1}, headers={HEADER_INVOCATION_ID: "attempt-1"}),
        event({"op": "raise", "message": "on purpose"}, headers={HEADER_INVOCATION_ID: "attempt-2"}),
        op("echo", value=2),
        op("raise", message="on purpose"),
    )


@CTX.case("RT-CTX-001", "request-id", MUST, "D", refs=[NEXT, CUSTOM], needs=[contexts], depends_on=[REACHES_API])
def request_id(world: World, run: Run) -> None:
    """The context has the request id just as the header gives it.

    One id is a UUID, the other one is not.
    """
    for number in (_FULL, _UNUSUAL):
        sent = _sent(run, number, HEADER_REQUEST_ID)
        told = _context(run, number).get("request_id")
        world.check(sent and told == sent, f"the request id {sent}", told or run.result(number))


@CTX.case("RT-CTX-002", "deadline", MUST, "D", refs=[NEXT, CUSTOM], needs=[contexts], depends_on=[_KNOWS_ID])
def deadline(world: World, run: Run) -> None:
    """The remaining time is what the clock leaves until the deadline, within 50 ms, and gets shorter.

    The handler asks twice, 150 ms apart, each time with a look at the clock before and after. One event has 60 s, the next one 30 s.
    """
    if _check_deadline(world, run, _FULL, "the deadline less the clock, within 50 ms"):
        first, second = _readings(run, _FULL)
        world.check(second[1] < first[1], "less time at the second reading", _off(run, _FULL))
    _check_deadline(world, run, _UNUSUAL, "the deadline of the second event less the clock, within 50 ms")


@CTX.case("RT-CTX-003", "deadline-past", SHOULD, "C", refs=[NEXT], needs=[past_deadline], depends_on=[_KNOWS_ID])
def deadline_past(world: World, run: Run) -> None:
    """A deadline that is over makes the remaining time 0, not negative, and ends nothing.

    An error for that event is accepted as well.
    """
    told = [remaining for _, remaining, _ in _readings(run, 0)]
    world.check(run.answer(0) and all(ms >= 0 for ms in told), "0 or more, or an error", told or run.story)
    _check_goes_on(world, run)


@CTX.case("RT-CTX-004", "arn-per-invoke", MUST, "O", refs=[OPENAPI, NEXT], needs=[contexts], depends_on=[_KNOWS_ID])
def arn_per_invoke(world: World, run: Run) -> None:
    """The function's ARN in the context is that of each event.

    One event was invoked by an alias, the next one by a version.
    """
    told = [_context(run, number).get("function_arn") for number in (_FULL, _UNUSUAL)]
    world.check(told == [_ARN_ALIAS, _ARN_VERSION], f"{_ARN_ALIAS}, then {_ARN_VERSION}", told)


@CTX.case("RT-CTX-005", "trace-env", MUST, "D", refs=[NEXT, CUSTOM], needs=[contexts], depends_on=[_KNOWS_ID])
def trace_env(world: World, run: Run) -> None:
    """While the handler runs, _X_AMZN_TRACE_ID is what the trace header says."""
    result = run.result(_TRACED)
    world.check(_member(result, ENV_TRACE_ID) == TRACE, TRACE, _member(result, ENV_TRACE_ID) or result)


@CTX.case("RT-CTX-006", "trace-cleared", SHOULD, "C", refs=[NEXT], needs=[contexts], depends_on=["RT-CTX-011"])
def trace_cleared(world: World, run: Run) -> None:
    """An event without a trace header does not see the trace of the one before: the variable is not set, or empty."""
    result = run.result(_UNTRACED)
    world.check(isinstance(result, dict) and not result.get(ENV_TRACE_ID), f"no {ENV_TRACE_ID}", result)


@CTX.case("RT-CTX-007", "client-context", SHOULD, "D", refs=[NEXT, CUSTOM], needs=[contexts], depends_on=[_KNOWS_ID])
def client_context(world: World, run: Run) -> None:
    """The client context and the Cognito identity reach the context, decoded."""
    told = _context(run, _FULL)
    client = told.get("client_context")
    sent = {"custom": {"key": "value"}, "env": {"locale": "de"}}
    seen = {name: _member(client, name) for name in sent}
    installation = _member(_member(client, "client"), "installation_id")
    world.check((seen, installation) == (sent, "i-1"), "custom, env and client of the client context", client)
    identity = [told.get("identity_id"), told.get("identity_pool_id")]
    world.check(identity == ["us-east-1:me", "us-east-1:pool"], "us-east-1:me of us-east-1:pool", identity)


@CTX.case(
    "RT-CTX-008", "bad-client-context", SHOULD, "C", refs=[NEXT], needs=[bad_client_context], depends_on=[_KNOWS_ID]
)
def fails_on_bad_client_context(world: World, run: Run) -> None:
    """A client context that is no JSON fails that invocation, and the next event is served."""
    answer = run.answer(0)
    world.check(answer and answer.call is Call.ERROR, "an error for that invocation", run.result(0))
    _check_goes_on(world, run)


@CTX.case("RT-CTX-009", "env-fields", SHOULD, "D", refs=[VARIABLES, CUSTOM], needs=[contexts], depends_on=[_KNOWS_ID])
def env_fields(world: World, run: Run) -> None:
    """The context has name, version, memory, log group and log stream from the environment."""
    told, variables = _context(run, _FULL), run.result(_TRACED)
    expected = {member: _member(variables, name) for member, name in _MEMBERS.items()}
    seen = {member: told.get(member) for member in _MEMBERS}
    same = all(value and str(seen[member]) == value for member, value in expected.items())
    world.check(same, shown(expected), seen)


@CTX.case("RT-CTX-010", "header-names", MUST, "H", refs=[HTTP], needs=[header_case], depends_on=["RT-CTX-002"])
def header_names(world: World, run: Run) -> None:
    """Names of headers are matched whatever their case, and those nobody knows are ignored.

    One event has them in lower case, one in upper case, both with an X-Future: 1.
    """
    for number, name in enumerate(_ODD_CASE_IDS):
        told = _context(run, number)
        seen = (told.get("request_id"), told.get("function_arn"))
        if world.check(seen == (name, _ARN_ALIAS), f"id and ARN from {name} headers", run.result(number)):
            _check_deadline(world, run, number, f"the deadline from {name} headers")


@CTX.case("RT-CTX-011", "optional-absent", MUST, "O", refs=[OPENAPI], needs=[contexts], depends_on=[_KNOWS_ID])
def optional_absent(world: World, run: Run) -> None:
    """Request id, deadline and ARN are enough: what else there may be need not be there."""
    for number in (_UNTRACED, _BARE):
        result = run.result(number)
        world.check(isinstance(result, dict), "the handler's result, with nothing but these headers", result)


@CTX.case("RT-CTX-012", "deadline-missing", SHOULD, "F", refs=[NEXT], needs=[no_deadline], depends_on=[_KNOWS_ID])
def deadline_missing(world: World, run: Run) -> None:
    """An event without a deadline gets an answer, a result or an error, and the next event is served.

    Field report: aws/aws-lambda-dotnet#1998, where a server left it out.
    """
    world.check(run.answer(0), "an answer", run.story)
    _check_goes_on(world, run)


@CTX.case("RT-CTX-013", "id-missing", SHOULD, "X", refs=[NEXT], needs=[no_request_id], depends_on=[REACHES_API])
def id_missing(world: World, run: Run) -> None:
    """An event without a request id calls no handler, and nothing is posted for an id that is not there.

    Whether the runtime ends or polls on is its own business. A handler that is called ends the process with status 77.
    """
    if not world.check(run.invocations, "a poll", run.story):
        return
    world.check(run.process.status != _CALLED_STATUS, "no call of the handler", f"the process {run.process.ending}")
    answers = [one.request for one in run.exchanges if one.request.malformed or "/invocation/" in one.request.target]
    posted = [request.target for request in answers if request.method != "GET"]
    world.check(not posted, "no answer, for there is no id to answer", posted)


@CTX.case("RT-CTX-014", "tenant", MAY, "C", refs=[NEXT], needs=[contexts], features=["tenant"], depends_on=[_KNOWS_ID])
def tenant(world: World, run: Run) -> None:
    """The context has the tenant id of the header."""
    told = [_context(run, number).get("tenant_id") for number in (_FULL, _BARE)]
    world.check(told[0] == "blue" and not told[1], "blue, and none for an event without a tenant", told)


@CTX.case(
    "RT-CTX-015", "invocation-id-echo", SHOULD, "F", refs=[NEXT], needs=[invocation_ids], depends_on=[REACHES_API]
)
def invocation_id_echo(world: World, run: Run) -> None:
    """An invocation id that comes with an event is given back with its answer, a result or an error; without one, none is sent.

    It lets the platform refuse the late answer of an attempt that timed out. AWS's clients have it since the summer of 2026, one after the
    other. Field report: aws/aws-lambda-rust-runtime#1155.
    """
    answers = [run.answer(number) for number in range(4)]
    echoed = [answer and answer.request.header(HEADER_INVOCATION_ID) for answer in answers]
    given = all(answers) and echoed == ["attempt-1", "attempt-2", None, None]
    world.check(given, "attempt-1, attempt-2, then no header at all", echoed)


def _check_goes_on(world: World, run: Run) -> None:
    world.check(run.result(1) == "after", "the next event served", run.result(1))


def _check_deadline(world: World, run: Run, number: int, expected: str) -> bool:
    readings = _readings(run, number)
    right = len(readings) == 2 and all(_tells_deadline(reading, _deadline_ms(run, number)) for reading in readings)
    return world.check(right, expected, _off(run, number) or run.result(number))


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _context(run: Run, number: int) -> dict[str, object]:
    result = run.result(number)
    return result if isinstance(result, dict) else {}


def _sent(run: Run, number: int, name: str) -> str:
    """A header as an event had it; empty for none."""
    polls: list[Exchange] = [invocation.poll for invocation in run.invocations][number : number + 1]
    headers = [pair for poll in polls if poll.reply for pair in poll.reply.headers]
    return next((value for key, value in headers if key.lower() == name.lower()), "")


def _deadline_ms(run: Run, number: int) -> float:
    return float(_sent(run, number, HEADER_DEADLINE_MS) or 0)


def _readings(run: Run, number: int) -> list[tuple[float, float, float]]:
    """The handler's readings of the remaining time: clock before, remaining ms, clock after. Empty where it has none."""
    told = _context(run, number).get("remaining")
    if not isinstance(told, list):
        return []
    readings = []
    for one in told:
        with contextlib.suppress(msgspec.ValidationError):
            readings.append(msgspec.convert(one, tuple[float, float, float]))
    return readings


def _tells_deadline(reading: tuple[float, float, float], deadline_ms: float) -> bool:
    before_ms, remaining_ms, after_ms = reading
    least, most = deadline_ms - after_ms - _DEADLINE_SLACK_MS, deadline_ms - before_ms + _DEADLINE_SLACK_MS
    return max(0.0, least) <= remaining_ms <= max(0.0, most)


def _off(run: Run, number: int) -> str:
    left = [(remaining, _deadline_ms(run, number) - before) for before, remaining, _ in _readings(run, number)]
    return ", ".join(f"{told_ms:.0f} ms where {left_ms:.0f} ms are left" for told_ms, left_ms in left)

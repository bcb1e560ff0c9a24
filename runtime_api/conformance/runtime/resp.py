"""RESP: how a runtime answers with a result."""

from __future__ import annotations

from collections import Counter

from runtime_api.conformance.cases import MUST, SHOULD, Scenario, Section, scenario
from runtime_api.conformance.connection import Manners
from runtime_api.conformance.messages import NotJson, Request
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime.ending import END_S, WATCH_S
from runtime_api.conformance.runtime_stage.event import Event, event, op
from runtime_api.conformance.runtime_stage.record import Call, Run
from runtime_api.conformance.runtime_stage.scripted_api import refusal
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import HTTP, INVOCATION_ERROR, LIMITS, OPENAPI, RESPONSE
from runtime_api.conformance.verdicts import World, shown

RESP = Section("RT-RESP", "answers")
_RIGHT_ID = "RT-RESP-001"

_MIXED = 50
_RESULTS: dict[str, object] = {
    "none": None,
    "true": True,
    "integer": 42,
    "fraction": 1.5,
    "text": 'a "text"',
    "list": [1, "two", None],
    "object": {"a": {"b": []}},
}
_NO_JSON = ("unserialisable", "cycle")
_NO_NUMBERS = ("nan", "infinity")
_ANSWER_BYTES_MAX = 6 * 1024 * 1024
_LOOK_S = 0.3
_ODD_ID = "a/b c"
_TIMES = {0: "never", 2: "twice"}


@scenario("mixed", lasts_s=1.0)
async def mixed(stage: Stage) -> None:
    """Events whose handler returns, and now and then raises."""
    await stage.start()
    await stage.serve_row(*map(_numbered, range(_MIXED)), within_s=stage.pace.endure_s)


@scenario("results")
async def results(stage: Stage) -> None:
    """Results of every JSON type."""
    await stage.start()
    await stage.serve(*(op("return", kind=kind) for kind in _RESULTS))


@scenario("unserialisable")
async def unserialisable(stage: Stage) -> None:
    """Results JSON has no place for, then an ordinary one."""
    await stage.start()
    await stage.serve(*(op("return", kind=kind) for kind in _NO_JSON), op("echo", value="after"))


@scenario("odd-values")
async def odd_values(stage: Stage) -> None:
    """Results that JSON almost has a place for."""
    await stage.start()
    await stage.serve(*(op("return", kind=kind) for kind in (*_NO_NUMBERS, "surrogate")))


@scenario("slow-reader", lasts_s=3.0)
async def slow_reader(stage: Stage) -> None:
    """A result of 6 MiB, to the byte, that is read slowly."""
    stage.api.manners = Manners(read_bytes_per_s=round(_ANSWER_BYTES_MAX / stage.pace.trickle_s))
    await stage.start()
    limit_s = stage.pace.trickle_s + stage.pace.patience_s
    await stage.serve(op("fill", length=_ANSWER_BYTES_MAX - len('""')), within_s=limit_s)


def _refused(status: int, error_type: str) -> Scenario:
    async def play(stage: Stage) -> None:
        stage.api.set_reply(Call.RESPONSE, refusal(status, error_type))
        # An error after it is not taken either: the invocation is over.
        stage.api.set_reply(Call.ERROR, refusal(403, "InvalidStateTransition"))
        await stage.start()
        await stage.serve(op("echo", value="refused"), op("echo", value="after"))
        await stage.rest(_LOOK_S)

    return Scenario(f"response-{status}", play)


response_400 = _refused(400, "InvalidRequestID")
response_403 = _refused(403, "InvalidStateTransition")
response_413 = _refused(413, "RequestEntityTooLarge")


@scenario("response-500", lasts_s=3.0)
async def response_500(stage: Stage) -> None:
    """A result that is answered 500."""
    stage.api.set_reply(Call.RESPONSE, refusal(500), always=True)
    await stage.start()
    stage.send(op("echo", value="refused"))
    await stage.count(Call.RESPONSE, 1)
    await stage.gone(within_s=WATCH_S)


@scenario("odd-id")
async def odd_id(stage: Stage) -> None:
    """A request id that cannot stand in a path as it is."""
    await stage.start()
    stage.send(event({"op": "echo", "value": "odd"}, request_id=_ODD_ID))
    # Whatever it is taken for, it is no poll.
    await stage.until(lambda: len(stage.run.exchanges) > len(stage.run.polls))


@RESP.case("RT-RESP-001", "path-id", MUST, "D", refs=[RESPONSE], needs=[mixed], depends_on=[REACHES_API])
def path_id(world: World, run: Run) -> None:
    """A result is posted to /runtime/invocation/ID/response with the id of its event."""
    expected = {number: one.result for number, one in enumerate(run.timely) if not _fails(number)}
    wrong = {number: result for number, result in expected.items() if result != number}
    actual = _first_of(wrong, run) if wrong else run.story
    world.check(expected and not wrong, "each result under its event's id", actual)


@RESP.case("RT-RESP-002", "exactly-once", MUST, "D", refs=[RESPONSE], needs=[mixed], depends_on=[_RIGHT_ID])
def exactly_once(world: World, run: Run) -> None:
    """Each event is answered once, by a result or by an error.

    Every fifth of 50 events makes the handler raise. A runtime that is too slow for all of them is judged by those it had time for; it may
    not end before the last one, nor take no more of them.
    """
    world.check(not run.broken_off, "a runtime that takes every event", run.broken_off)
    counts = [len(invocation.answers) for invocation in run.timely]
    odd = [count for count in counts if count != 1]
    world.check(counts and not odd, "one answer to each event", _counted(counts) or run.story)
    world.check(
        len(run.answers) == sum(counts), "no answer to anything else", f"{len(run.answers)} for {len(counts)} events"
    )


@RESP.case("RT-RESP-003", "valid-json", SHOULD, "C", refs=[RESPONSE], needs=[results], depends_on=[_RIGHT_ID])
def valid_json(world: World, run: Run) -> None:
    """A result that JSON has a place for is posted as strict JSON, no result as null."""
    for number, (kind, value) in enumerate(_RESULTS.items()):
        result = run.result(number)
        same = result == value and isinstance(result, bool) == isinstance(value, bool)
        world.check(same, f"{shown(value)} for {kind}", result)


@RESP.case(
    "RT-RESP-004",
    "unserialisable",
    MUST,
    "D",
    refs=[INVOCATION_ERROR],
    needs=[unserialisable],
    depends_on=[_RIGHT_ID],
)
def fails_on_unserialisable(world: World, run: Run) -> None:
    """A result that cannot be made JSON is reported as an error, and the next event is served.

    One is of a type JSON does not know, one is a list that holds itself.
    """
    for number, kind in enumerate(_NO_JSON):
        answer = run.answer(number)
        world.check(answer and answer.call is Call.ERROR, f"an error for {kind}", run.result(number))
    world.check(run.result(len(_NO_JSON)) == "after", "the next event served", run.result(len(_NO_JSON)))


@RESP.case("RT-RESP-005", "nan", SHOULD, "X", refs=[RESPONSE], needs=[odd_values], depends_on=[_RIGHT_ID])
def nan(world: World, run: Run) -> None:
    """NaN and Infinity, which JSON does not have, are not posted as JSON: null is, or an error."""
    for number, kind in enumerate(_NO_NUMBERS):
        _check_strict(world, run, number, kind)


@RESP.case("RT-RESP-006", "surrogate", SHOULD, "X", refs=[RESPONSE], needs=[odd_values], depends_on=[_RIGHT_ID])
def surrogate(world: World, run: Run) -> None:
    """A text with half a character, which UTF-8 does not have, is posted as valid JSON all the same, or as an error."""
    _check_strict(world, run, len(_NO_NUMBERS), "a lone surrogate")


@RESP.case(
    "RT-RESP-007", "response-framing", MUST, "H", refs=[HTTP, LIMITS], needs=[slow_reader], depends_on=[_RIGHT_ID]
)
def response_framing(world: World, run: Run) -> None:
    """A big result arrives whole, with a true Content-Length or in well-formed chunks, however slowly it is read.

    It has 6 MiB, the most there is, and takes 2 s to read, with --slow 24 s.
    """
    broken = [one.request for one in run.exchanges if one.request.malformed or one.request.truncated]
    world.check(not broken, "well-formed requests", [_complaint(request) for request in broken])
    result = run.result(0)
    expected = _ANSWER_BYTES_MAX - len('""')
    whole = isinstance(result, str) and result == "x" * expected
    world.check(whole, f"a text of {expected} x", result)


@RESP.case(
    "RT-RESP-008", "response-413", SHOULD, "OF", refs=[OPENAPI, RESPONSE], needs=[response_413], depends_on=[_RIGHT_ID]
)
def refused_as_too_large(world: World, run: Run) -> None:
    """A result refused as too large is neither sent again nor followed by an error; the runtime goes on, or exits.

    An error for it would be refused as well. Field report: brefphp/bref#1368.
    """
    _check_dropped(world, run, 413)
    goes_on = run.result(1) == "after" or (run.process.status is not None and run.process.status >= 0)
    world.check(goes_on, "the next event served, or an exit", run.story)


@RESP.case(
    "RT-RESP-009",
    "response-400-403",
    SHOULD,
    "O",
    refs=[OPENAPI, RESPONSE],
    needs=[response_400, response_403],
    depends_on=[_RIGHT_ID],
)
def refused_result(world: World, *runs: Run) -> None:
    """A result that is refused is not sent again.

    It is answered 400, and in a second run 403. Whether the runtime then goes on or exits is its own business.
    """
    for status, run in zip((400, 403), runs, strict=True):
        _check_dropped(world, run, status)


@RESP.case("RT-RESP-010", "response-500", SHOULD, "O", refs=[OPENAPI], needs=[response_500], depends_on=[_RIGHT_ID])
def ends_on_500(world: World, run: Run) -> None:
    """A result that is answered 500 makes the runtime end within 2 s."""
    refused = [exchange.replied_ms for exchange in run.of(Call.RESPONSE) if exchange.replied_ms is not None]
    took_ms = (run.process.ended_ms or float("inf")) - (refused[0] if refused else 0.0)
    ended = run.process.status is not None and took_ms <= END_S * 1000
    world.check(refused and ended, f"an end within {END_S:.0f} s", run.story)


@RESP.case("RT-RESP-011", "odd-id", SHOULD, "X", refs=[HTTP], needs=[odd_id], depends_on=[_RIGHT_ID])
def takes_odd_id(world: World, run: Run) -> None:
    """A request id with characters that have a meaning in a path does not break the request that answers it.

    The id is `a/b c`.
    """
    answers = [exchange for exchange in run.answers if exchange.request_id == _ODD_ID]
    broken = [exchange.request.raw_head[:100] for exchange in run.exchanges if exchange.request.malformed]
    world.check(answers, f"an answer to {_ODD_ID}", broken or run.story)


def _fails(number: int) -> bool:
    return number % 5 == 4


def _numbered(number: int) -> Event:
    return op("raise", message=f"number {number}") if _fails(number) else op("echo", value=number)


def _first_of(wrong: dict[int, object], run: Run) -> str:
    (number, result), *others = wrong.items()
    more = f", and {len(others)} more" if others else ""
    return f"event {number}: {shown(result)}{more}{run.astray}"


def _counted(counts: list[int]) -> str:
    """How many events have another number of answers than one: "40 of 50 answered twice, first the event number 0"."""
    told = (
        f"{number} of {len(counts)} answered {_TIMES.get(count, f'{count} times')}, first the event number {counts.index(count)}"
        for count, number in Counter(counts).items()
        if count != 1
    )
    return "; ".join(told)


def _check_strict(world: World, run: Run, number: int, what: str) -> None:
    answer = run.answer(number)
    if world.check(answer, f"an answer to {what}", run.story) and answer:
        is_json = "json" in (answer.request.header("Content-Type") or "json").lower()
        strict = not is_json or not isinstance(answer.request.json, NotJson)
        world.check(strict, f"strict JSON or an error for {what}", answer.request.body)


def _check_dropped(world: World, run: Run, status: int) -> None:
    answers = [answer.call.value for invocation in run.invocations[:1] for answer in invocation.answers]
    world.check(len(answers) == 1, f"nothing more for the invocation after a {status}", answers or run.story)


def _complaint(request: Request) -> str:
    return request.malformed or f"{request.method} {request.target} ended after {len(request.body)} bytes"

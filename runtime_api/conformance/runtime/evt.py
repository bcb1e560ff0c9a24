"""EVT: what an event may be."""

from __future__ import annotations

import hashlib
import json

from runtime_api.conformance.cases import MAY, MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import Reply
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime_stage.event import event, op
from runtime_api.conformance.runtime_stage.record import Call, NoResult, Run
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import HTTP, LIMITS, NEXT
from runtime_api.conformance.verdicts import World, shown

EVT = Section("RT-EVT", "the event")
_TAKES_VALUES = "RT-EVT-001"

_VALUES = [{"a": [1, {"b": None}], "": ""}, [1, "two", None], "text", -12.5, True, None]
_LARGE = 2**53 - 1
_UNICODE = "Grüße, κόσμε, 世界, e\u0301, 👩‍🚀, \u2028\u2029, \ufeff, \U0010ffff"
_FRAMED = "framed " * 300
_FRAMINGS = {
    "Content-Length": Reply(),
    "chunked": Reply(framing="chunked"),
    "single bytes": Reply(piece_bytes=1),
}
_EVENT_BYTES_MAX = 6 * 1024 * 1024
_NOT_JSON = {"no JSON": b"{not json", "an empty body": b"", "a lone bracket": b"]"}
_NOT_UTF8 = b'{"op": "echo", "value": "\xff\xfe"}'
_RAW = b"\x00raw \xff bytes"
_DEPTH = 10_000


@scenario("values")
async def values(stage: Stage) -> None:
    """Events of every JSON type, each returned as it is, and texts of all sorts."""
    await stage.start()
    await stage.serve(*(event(value) for value in (*_VALUES, _LARGE)))
    escaped = json.dumps({"op": "echo", "value": _UNICODE}, ensure_ascii=True).encode()
    await stage.serve(op("echo", value=_UNICODE), event(raw=escaped), op("digest", value=_UNICODE))


@scenario("framings")
async def framings(stage: Stage) -> None:
    """One event, its end marked and its bytes delivered in three ways."""
    await stage.start()
    for delivery in _FRAMINGS.values():
        await stage.serve(event({"op": "echo", "value": _FRAMED}, delivery=delivery))


@scenario("six-mib", lasts_s=1.5)
async def six_mib(stage: Stage) -> None:
    """An event of 6 MiB, to the byte."""
    await stage.start()
    await stage.serve(event(raw=_biggest()))


@scenario("not-json")
async def not_json(stage: Stage) -> None:
    """Events that are no JSON, then one that is."""
    await stage.start()
    await stage.serve(*(event(raw=raw) for raw in (*_NOT_JSON.values(), _NOT_UTF8)), op("echo", value="after"))


@scenario("other-content-type")
async def other_content_type(stage: Stage) -> None:
    """An event of another content type, then an ordinary one."""
    await stage.start()
    await stage.serve(event(raw=_RAW, headers={"Content-Type": "application/octet-stream"}), op("echo", value="after"))


@scenario("deep-json")
async def deep_json(stage: Stage) -> None:
    """An event of arrays in arrays, then an ordinary one."""
    await stage.start()
    await stage.serve(event(raw=b"[" * _DEPTH + b"]" * _DEPTH), op("echo", value="after"))


@EVT.case("RT-EVT-001", "json-values", MUST, "D", refs=[NEXT], needs=[values], depends_on=[REACHES_API])
def json_values(world: World, run: Run) -> None:
    """Object, array, text, number, true and null reach the handler as what they are.

    It returns each as it got it. The last one is the largest whole number all languages agree on, 2^53 - 1.
    """
    for number, value in enumerate((*_VALUES, _LARGE)):
        result = run.result(number)
        world.check(_text(result) == _text(value), f"{_text(value)} as the handler's result", result)


@EVT.case("RT-EVT-002", "unicode", MUST, "D", refs=[NEXT], needs=[values], depends_on=[_TAKES_VALUES])
def unicode(world: World, run: Run) -> None:
    """Text of every plane of Unicode survives both ways.

    It is sent as UTF-8, and again as escapes, and the handler returns it; a third time it returns the hash of what it got.
    """
    plain, escaped, digest = (run.result(len(_VALUES) + 1 + number) for number in range(3))
    world.check(plain == _UNICODE, f"{_UNICODE} back, sent as UTF-8", plain)
    world.check(escaped == _UNICODE, f"{_UNICODE} back, sent as escapes", escaped)
    world.check(digest == _digest(_UNICODE), f"length and hash of {_UNICODE}: {shown(_digest(_UNICODE))}", digest)


@EVT.case("RT-EVT-003", "event-framing", MUST, "H", refs=[HTTP], needs=[framings], depends_on=[REACHES_API])
def event_framing(world: World, run: Run) -> None:
    """An event is read whole, with a Content-Length, in chunks, and when its bytes come one by one.

    Who asks for it in HTTP/1.0, which has no chunks, is sent none.
    """
    for number, name in enumerate(_FRAMINGS):
        result = run.result(number)
        world.check(result == _FRAMED, f"the event returned as it was, sent with {name}", result)


@EVT.case("RT-EVT-004", "six-mib", MUST, "D", refs=[LIMITS], needs=[six_mib], depends_on=[REACHES_API])
def takes_six_mib(world: World, run: Run) -> None:
    """An event of 6 MiB, the most there is, is served.

    The handler returns length and hash of the text in it.
    """
    expected = _digest(json.loads(_biggest())["value"])
    world.check(run.result(0) == expected, shown(expected), run.result(0))


@EVT.case("RT-EVT-005", "not-json", SHOULD, "C", refs=[NEXT], needs=[not_json], depends_on=[REACHES_API])
def fails_on_no_json(world: World, run: Run) -> None:
    """An event that is no JSON, or empty, is answered with an error, and the next event is served.

    Bytes that are no UTF-8 within a text may also be replaced, as AWS's clients for Node.js and Go do.
    """
    for number, name in enumerate(_NOT_JSON):
        answer = run.answer(number)
        world.check(answer and answer.call is Call.ERROR, f"an error for {name}", run.result(number))
    world.check(run.answer(len(_NOT_JSON)), "an answer to what is no UTF-8", run.story)
    world.check(run.result(len(_NOT_JSON) + 1) == "after", "the next event served", run.result(len(_NOT_JSON) + 1))


@EVT.case(
    "RT-EVT-006", "other-content-type", MAY, "C", refs=[NEXT], needs=[other_content_type], depends_on=[REACHES_API]
)
def takes_other_content_type(world: World, run: Run) -> None:
    """An event of another content type than JSON is given to the handler as it is, or answered with an error; the next one is served.

    It is application/octet-stream, with bytes that are no UTF-8.
    """
    answer = run.answer(0)
    if world.check(answer, "an answer", run.story) and answer:
        told = "an error" if answer.call is Call.ERROR else "the same bytes" if answer.request.body == _RAW else ""
        world.check(told, "the same bytes, or an error", answer.request.body)
        world.note(told or "another result")
    world.check(run.result(1) == "after", "the next event served", run.result(1))


@EVT.case("RT-EVT-007", "deep-json", SHOULD, "X", refs=[NEXT], needs=[deep_json], depends_on=[REACHES_API])
def survives_deep_json(world: World, run: Run) -> None:
    """An event of 10,000 arrays in each other is answered, with an error or as it is, and the next event is served."""
    world.check(run.answer(0), "an answer", run.story)
    world.check(run.result(1) == "after", "the next event served", run.result(1))


def _biggest() -> bytes:
    head, tail = b'{"op": "digest", "value": "', b'"}'
    room = _EVENT_BYTES_MAX - len(head) - len(tail)
    return head + (b"0123456789abcdef" * (room // 16 + 1))[:room] + tail


def _digest(text: str) -> dict[str, object]:
    data = text.encode()
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _text(value: object) -> str:
    # As JSON, because in Python 1 equals true.
    return repr(value) if isinstance(value, NoResult) else json.dumps(value, sort_keys=True, default=repr)

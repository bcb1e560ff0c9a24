"""STRM: streamed answers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import strict_json
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.channel import Channel, chunk, request_bytes
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.event_stream import NotAnEventStream, StreamEvent, read_stream
from runtime_api.conformance.server_stage.runtime import Runtime, response_path
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import INVOKE, INVOKE_STREAM, STREAMING, STREAMS
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import (
    HEADER_ERROR_BODY,
    HEADER_ERROR_TYPE,
    HEADER_FUNCTION_ERROR,
    HEADER_RESPONSE_MODE,
    RESPONSE_MODE_STREAMING,
)

STRM = Section("SV-STRM", "streamed answers", features=["streaming"])

STREAMS_AT_ALL = "SV-STRM-002"
_PIECES = (b"one \x00", b"two \xff", "drei ß".encode())
_PAUSE_S = 0.3
_ERROR = json.dumps({"errorMessage": "broke off", "errorType": "Conformance.BrokeOff"}).encode()


@scenario("streams", lasts_s=2.5)
async def streams(stage: Stage) -> None:
    """A caller that wants streams gets one, one that breaks off by trailers, an error instead, and a result in one piece."""
    await stage.start()
    call = _stream_call(stage)
    runtime = await stage.runtime()
    await runtime.next()
    stage.keep("stream accepted", await _stream(runtime, _PIECES, pause_s=_PAUSE_S))
    stage.fact("ended ms", stage.now_ms())
    await runtime.park()
    stage.keep("stream", await call)
    call = _stream_call(stage)
    await runtime.next()
    stage.keep("broken accepted", await _stream(runtime, _PIECES[:2], error=_ERROR))
    await runtime.park()
    stage.keep("broken", await call)
    call = _stream_call(stage)
    await runtime.next()
    await runtime.fail(_ERROR)
    await runtime.park()
    stage.keep("failed", await call)
    call = _stream_call(stage)
    await runtime.next()
    await runtime.respond(b'"in one piece"')
    await runtime.park()
    stage.keep("buffered", await call)


@scenario("stream-to-buffered-caller", lasts_s=1.0)
async def stream_to_buffered_caller(stage: Stage) -> None:
    """A caller that wants a result in one piece gets two streams, the second of which breaks off by trailers."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    await runtime.next()
    stage.keep("accepted", await _stream(runtime, _PIECES))
    await runtime.park()
    stage.keep("whole", await call)
    call = stage.invoke()
    await runtime.next()
    await _stream(runtime, _PIECES[:2], error=_ERROR)
    await runtime.park()
    stage.keep("broken", await call)


@scenario("cut-stream", lasts_s=2.0)
async def cut_stream(stage: Stage) -> None:
    """A stream whose connection is cut after two chunks."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = _stream_call(stage)
    runtime = await stage.runtime()
    await runtime.next()
    channel = await _open_stream(runtime)
    for piece in _PIECES[:2]:
        await channel.send(chunk(piece))
    await asyncio.sleep(_PAUSE_S)
    await runtime.drop(channel)
    await runtime.park()
    stage.keep("cut", await call)


def _stream_call(stage: Stage) -> asyncio.Task[Answer]:
    path = f"/2021-11-15/functions/{quote(stage.target.function)}/response-streaming-invocations"
    return stage.invoke(b"{}", path=path)


async def _open_stream(runtime: Runtime) -> Channel:
    channel = await runtime.channel()
    headers = [
        ("Host", runtime.host),
        ("Content-Type", "application/octet-stream"),
        (HEADER_RESPONSE_MODE, RESPONSE_MODE_STREAMING),
        ("Transfer-Encoding", "chunked"),
        ("Trailer", f"{HEADER_ERROR_TYPE}, {HEADER_ERROR_BODY}"),
    ]
    await channel.send(request_bytes("POST", response_path(runtime.request_id), headers))
    return channel


async def _stream(runtime: Runtime, pieces: Iterable[bytes], *, pause_s: float = 0.0, error: bytes = b"") -> Answer:
    channel = await _open_stream(runtime)
    for piece in pieces:
        await channel.send(chunk(piece))
        await asyncio.sleep(pause_s)
    trailers = b""
    if error:
        body = base64.b64encode(error).decode()
        trailers = f"{HEADER_ERROR_TYPE}: Runtime.BrokeOff\r\n{HEADER_ERROR_BODY}: {body}\r\n".encode()
    await channel.send(chunk(b"") + trailers + b"\r\n")
    return await channel.receive(runtime.patience_s)


@STRM.case(
    "SV-STRM-001",
    "incremental",
    MUST,
    "D",
    refs=[STREAMS, STREAMING],
    needs=[streams],
    depends_on=[STREAMS_AT_ALL],
)
def incremental(world: World, course: Course) -> None:
    """Chunks reach the caller while the function is still at work.

    Three chunks, 300 ms apart: the first has to be there 300 ms before the end.
    """
    answer = course["stream"]
    first_ms = answer.pieces[0][0] if answer.pieces else float("inf")
    early_ms = course.fact("ended ms", 0.0) - first_ms
    world.check(
        early_ms >= _PAUSE_S * 1000,
        "the first chunk 300 ms before the end",
        f"{early_ms:.0f} ms before it; {answer.story}",
    )


@STRM.case(
    "SV-STRM-002",
    "framing",
    MUST,
    "B",
    refs=[INVOKE_STREAM],
    needs=[streams],
    depends_on=["SV-NEXT-001"],
)
def framing(world: World, course: Course) -> None:
    """InvokeWithResponseStream answers 200 with an event stream whose lengths and checksums are right."""
    answer = course["stream"]
    world.check(answer.status == 200, "200", answer.story)
    seen = answer.header("content-type")
    world.check(seen == "application/vnd.amazon.eventstream", "application/vnd.amazon.eventstream", seen)
    events, fault = _events(answer)
    world.check(events and not fault, "well-formed messages", fault or answer.story)


@STRM.case(
    "SV-STRM-003",
    "complete-last",
    MUST,
    "B",
    refs=[INVOKE_STREAM],
    needs=[streams],
    depends_on=[STREAMS_AT_ALL],
)
def complete_last(world: World, course: Course) -> None:
    """A stream is chunks, and then one InvokeComplete without an error."""
    events, _ = _events(course["stream"])
    kinds = [event.kind for event in events]
    expected = "PayloadChunk, and InvokeComplete at the end"
    world.check(
        kinds and kinds[-1] == "InvokeComplete" and set(kinds[:-1]) == {"PayloadChunk"}, expected, ", ".join(kinds)
    )
    world.check(not _error_code(events), "no ErrorCode", _error_code(events))


@STRM.case(
    "SV-STRM-004",
    "chunks-exact",
    MUST,
    "DB",
    refs=[STREAMS, INVOKE_STREAM],
    needs=[streams],
    depends_on=[STREAMS_AT_ALL],
)
def chunks_exact(world: World, course: Course) -> None:
    """The payloads put together are the bytes the function wrote.

    Any bytes: a NUL, one that is no UTF-8.
    """
    world.check(course["stream accepted"].status == 202, "202 for the stream", course["stream accepted"].story)
    seen = _payload(course["stream"])
    world.check(seen == b"".join(_PIECES), repr(b"".join(_PIECES)), repr(seen))


@STRM.case(
    "SV-STRM-005",
    "midstream-error-told",
    MUST,
    "DB",
    refs=[STREAMING, INVOKE_STREAM],
    needs=[streams],
    depends_on=[STREAMS_AT_ALL],
)
def midstream_error(world: World, course: Course) -> None:
    """An error that a function tells in the trailers of its stream is in InvokeComplete, after what was streamed."""
    world.check(course["broken accepted"].status == 202, "202 for the stream", course["broken accepted"].story)
    answer = course["broken"]
    world.check(_payload(answer) == b"".join(_PIECES[:2]), "the two chunks before it", answer.story)
    events, _ = _events(answer)
    world.check(_error_code(events), "InvokeComplete with an ErrorCode", answer.story)


@STRM.case(
    "SV-STRM-006",
    "error-instead",
    MUST,
    "B",
    refs=[INVOKE_STREAM],
    needs=[streams],
    depends_on=[STREAMS_AT_ALL],
)
def error_instead(world: World, course: Course) -> None:
    """A function's error before any byte reaches the caller of a stream as an error.

    By the ErrorCode of InvokeComplete, or by X-Amz-Function-Error.
    """
    answer = course["failed"]
    told = answer.header(HEADER_FUNCTION_ERROR) or _error_code(_events(answer)[0])
    world.check(told, "InvokeComplete with an ErrorCode", answer.story)


@STRM.case(
    "SV-STRM-007",
    "buffered-as-stream",
    SHOULD,
    "D",
    refs=[STREAMS],
    needs=[streams],
    depends_on=[STREAMS_AT_ALL],
)
def buffered_as_stream(world: World, course: Course) -> None:
    """A result that comes in one piece reaches the caller of a stream, and then InvokeComplete."""
    answer = course["buffered"]
    world.check(_payload(answer) == b'"in one piece"', '"in one piece"', answer.story)
    events, _ = _events(answer)
    world.check(events and events[-1].kind == "InvokeComplete", "InvokeComplete at the end", answer.story)


@STRM.case(
    "SV-STRM-008",
    "stream-to-buffered-caller",
    MUST,
    "D",
    refs=[STREAMS, INVOKE],
    needs=[stream_to_buffered_caller],
    depends_on=["SV-NEXT-001"],
)
def stream_for_buffered(world: World, course: Course) -> None:
    """A stream reaches a caller who did not ask for one as a whole."""
    world.check(course["accepted"].status == 202, "202 for the stream", course["accepted"].story)
    whole = course["whole"]
    world.check(whole.status == 200 and whole.body == b"".join(_PIECES), repr(b"".join(_PIECES)), whole.story)


@STRM.case(
    "SV-STRM-009",
    "midstream-error-marked",
    SHOULD,
    "X",
    refs=[STREAMING, INVOKE],
    needs=[stream_to_buffered_caller],
    depends_on=["SV-STRM-008"],
)
def midstream_error_marked(world: World, course: Course) -> None:
    """A caller who did not ask for a stream is told of an error in its trailers by X-Amz-Function-Error."""
    world.check(course["broken"].header(HEADER_FUNCTION_ERROR), "X-Amz-Function-Error", course["broken"].story)


@STRM.case(
    "SV-STRM-010",
    "cut-stream",
    SHOULD,
    "R",
    refs=[STREAMING, INVOKE_STREAM],
    needs=[cut_stream],
    depends_on=[STREAMS_AT_ALL],
)
def cut(world: World, course: Course) -> None:
    """A stream that is cut off is not taken for a whole one.

    By an ErrorCode in InvokeComplete, an exception in the stream, or the end of the connection before either.
    """
    answer = course["cut"]
    events, fault = _events(answer)
    complete = bool(events) and events[-1].kind == "InvokeComplete" and not answer.fault and not fault
    world.check(not complete or _error_code(events), "no InvokeComplete without an ErrorCode", answer.story)
    world.check(not answer.is_timed_out, "an end of the stream", answer.story)


def _events(answer: Answer) -> tuple[list[StreamEvent], str]:
    try:
        return read_stream(answer.body), answer.fault
    except NotAnEventStream as error:
        return [], str(error)


def _payload(answer: Answer) -> bytes:
    return b"".join(event.payload for event in _events(answer)[0] if event.kind == "PayloadChunk")


def _error_code(events: list[StreamEvent]) -> str:
    if not events:
        return ""
    last = events[-1]
    if last.kind != "InvokeComplete":
        return last.headers.get(":exception-type", "")
    told = strict_json(last.payload)
    return str(told.get("ErrorCode", "")) if isinstance(told, dict) else ""

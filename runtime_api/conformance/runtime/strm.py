"""STRM: streamed answers."""

from __future__ import annotations

import base64

from runtime_api.conformance.cases import MAY, MUST, SHOULD, Section, scenario
from runtime_api.conformance.messages import NotJson, strict_json
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime_stage.event import Event, op
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Run
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import STREAM_HTTP, STREAMING
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_ERROR_BODY, HEADER_ERROR_TYPE, HEADER_RESPONSE_MODE

STRM = Section("RT-STRM", "streamed answers", features=["streaming"])
_STREAMS = "RT-STRM-001"

_PIECES, _PIECE_MS = 3, 300
_BODY = b"".join(b"piece %d\n" % number for number in range(_PIECES))
_FAIL_AT = 2
_BEFORE_FAILURE = _BODY[: _BODY.index(b"piece %d" % _FAIL_AT)]
_FAILURE = "failed in the middle"
# Between the first bytes and the end the handler waits 600 ms; a busy machine may show us less of that.
_EARLY_MS = 200.0
_HTTP_TYPE = "application/vnd.awslambda.http-integration-response"
_HTTP_HEAD_END = b"\0" * 8
_HTTP_STATUS = 201
# The places of the events of `streams`.
_WHOLE, _EARLY, _BROKEN = range(3)


def _stream(**changes: object) -> Event:
    return op("stream", **{"pieces": _PIECES, "ms": _PIECE_MS, **changes})


@scenario("streams", lasts_s=1.2)
async def streams(stage: Stage) -> None:
    """A stream of three pieces, one that fails before its first piece, and one that fails after its second."""
    await stage.start("conf.stream")
    await stage.serve(
        _stream(), _stream(fail_at=0, message=_FAILURE), _stream(ms=50, fail_at=_FAIL_AT, message=_FAILURE)
    )


@scenario("http-stream")
async def http_stream(stage: Stage) -> None:
    """A stream that is an HTTP answer."""
    await stage.start("conf.http_stream")
    await stage.serve(_stream(ms=20))


@STRM.case(
    _STREAMS,
    "mode-header",
    MUST,
    "D",
    refs=[STREAMING],
    needs=[streams],
    depends_on=[REACHES_API],
)
def has_mode_header(world: World, run: Run) -> None:
    """A streamed answer has the header Lambda-Runtime-Function-Response-Mode: streaming, and is sent in chunks.

    The handler streams three pieces, 300 ms apart.
    """
    answer = _response(run, _WHOLE)
    if world.check(answer, "a POST to /response", run.story) and answer:
        mode = answer.request.header(HEADER_RESPONSE_MODE)
        world.check(mode == "streaming", f"{HEADER_RESPONSE_MODE}: streaming", mode)
        coding = answer.request.header("Transfer-Encoding")
        world.check(coding == "chunked", "Transfer-Encoding: chunked", coding)


@STRM.case(
    "RT-STRM-002",
    "early-bytes",
    MUST,
    "D",
    refs=[STREAMING],
    needs=[streams],
    depends_on=[_STREAMS],
)
def sends_early(world: World, run: Run) -> None:
    """The pieces are sent while the handler still runs, and all of them arrive.

    The handler waits for 600 ms after its first piece.
    """
    answer = _response(run, _WHOLE)
    if world.check(answer, "a POST to /response", run.story) and answer:
        request = answer.request
        world.check(request.body == _BODY, "the three pieces", request.body[:100])
        first_ms = next((at_ms for at_ms, size in request.pieces if size), request.arrived_ms)
        ahead_ms = request.arrived_ms - first_ms
        world.note(f"the first bytes came {ahead_ms:.0f} ms before the end")
        world.check(ahead_ms >= _EARLY_MS, "the first piece long before the end", f"{ahead_ms:.0f} ms before it")


@STRM.case(
    "RT-STRM-003",
    "midstream-error",
    MUST,
    "DC",
    refs=[STREAMING],
    needs=[streams],
    depends_on=[_STREAMS],
)
def reports_midstream_error(world: World, run: Run) -> None:
    """An error after the first piece is told in trailers that were declared: its type, and its JSON in base64.

    The handler raises after two of three pieces; these have to arrive.
    """
    answer = _response(run, _BROKEN)
    if not world.check(answer, "a POST to /response", run.story) or answer is None:
        return
    request = answer.request
    world.check(request.body == _BEFORE_FAILURE and not request.truncated, "the two pieces", request.body[:100])
    declared = (request.header("Trailer") or "").lower()
    both = all(name.lower() in declared for name in (HEADER_ERROR_TYPE, HEADER_ERROR_BODY))
    world.check(both, f"both {HEADER_ERROR_TYPE} and {HEADER_ERROR_BODY} declared in Trailer", declared)
    world.check(request.trailer(HEADER_ERROR_TYPE), f"a trailer {HEADER_ERROR_TYPE}", request.trailers)
    body = _decoded(request.trailer(HEADER_ERROR_BODY) or "")
    told = isinstance(body, dict) and _FAILURE in str(body.get("errorMessage"))
    world.check(told, f"a trailer {HEADER_ERROR_BODY} with the error's JSON in base64", body)


@STRM.case(
    "RT-STRM-004",
    "early-error",
    SHOULD,
    "C",
    refs=[STREAMING],
    needs=[streams],
    depends_on=[_STREAMS],
)
def reports_early_error(world: World, run: Run) -> None:
    """An error before the first piece is posted to /error like any other, and no stream is begun.

    The handler raises at once.
    """
    calls = [answer.call for invocation in run.invocations[_EARLY : _EARLY + 1] for answer in invocation.answers]
    world.check(calls == [Call.ERROR], "one POST to /error", [call.value for call in calls] or run.story)


@STRM.case(
    "RT-STRM-005",
    "http-prelude",
    MAY,
    "C",
    refs=[STREAM_HTTP],
    needs=[http_stream],
    depends_on=[_STREAMS],
)
def has_http_prelude(world: World, run: Run) -> None:
    """A streamed HTTP answer begins with its head as JSON and eight NUL bytes, under a content type of its own.

    The handler answers with status 201 and a header X-Conformance, in three pieces.
    """
    answer = _response(run, 0)
    if not world.check(answer, "a POST to /response", run.story) or answer is None:
        return
    content_type = answer.request.header("Content-Type")
    world.check(content_type == _HTTP_TYPE, f"Content-Type: {_HTTP_TYPE}", content_type)
    prelude, end, body = answer.request.body.partition(_HTTP_HEAD_END)
    head = strict_json(prelude)
    fields = head if isinstance(head, dict) else {}
    status_ok = fields.get("statusCode") == _HTTP_STATUS
    headers = fields.get("headers")
    names = {name.lower() for name in headers} if isinstance(headers, dict) else set()
    world.check(status_ok and "x-conformance" in names, "a head with the status and the header", prelude[:300])
    world.check(end and body == _BODY, "eight NUL bytes, then the three pieces", answer.request.body[-100:])


def _response(run: Run, number: int) -> Exchange | None:
    answer = run.answer(number)
    return answer if answer is not None and answer.call is Call.RESPONSE else None


def _decoded(text: str) -> object:
    try:
        return strict_json(base64.b64decode(text, validate=True))
    except ValueError as error:
        return NotJson(f"{text[:100]!r} is not base64: {error}")

"""An answer that goes on, over real sockets: what reaches the reader, what the runtime is told, and every way it can break."""

from __future__ import annotations

import asyncio
import base64

import pytest

from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES
from runtime_api.protocol.runtime.states import RuntimeState
from runtime_api.sandbox.endpoint import streamed_answer
from runtime_api.sandbox.endpoint.response_stream import WINDOW_BYTES, LiveStream
from tests.runtime_api.fake_runtime import (
    NEXT,
    REQUEST_ID,
    STREAMING,
    Answer,
    FakeRuntime,
    error_path,
    invocation,
    request_bytes,
    response_path,
)
from tests.runtime_api.sandbox.conftest import OpenEndpoint
from tests.runtime_api.waiting import PATIENCE_S, until

ERROR = b'{"errorMessage":"broke","errorType":"Function.Broken"}'


async def piece_of(stream: LiveStream) -> bytes:
    """The next piece."""
    return await asyncio.wait_for(anext(stream), PATIENCE_S)


async def running(
    opened: OpenEndpoint, runtime: FakeRuntime, *, stream: bool = True, request_id: str = REQUEST_ID
) -> None:
    """Give the runtime an event."""
    ready = opened.owner.ready_count
    runtime.park()
    await opened.owner.ready(ready + 1)
    opened.endpoint.hand_over(invocation(request_id, stream=stream), 5)
    await runtime.answer()


async def streaming(opened: OpenEndpoint, runtime: FakeRuntime, headers: str = "") -> LiveStream:
    """Bring a runtime into the middle of an answer, of which `begun` has been read."""
    await running(opened, runtime)
    runtime.begin_stream(headers=headers)
    runtime.chunk(b"begun")
    stream = await opened.owner.streaming()
    assert await piece_of(stream) == b"begun"
    return stream


def error_type(answer: Answer) -> str:
    """What a refusal is called."""
    return answer.body.decode().rpartition('errorType":"')[2].partition('"')[0]


async def goes_on(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The runtime gets its next event and answers it."""
    await running(opened, runtime, stream=False, request_id="second")
    assert (await runtime.request("POST", response_path("second"), b"fine")).status == 202


# as it should be


async def test_pieces_arrive_while_the_runtime_still_writes(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Each one as it was written, under the runtime's content type; 202 at the end, and the next event after it."""
    stream = await streaming(opened, runtime, "Content-Type: text/html\r\n")
    assert opened.owner.outcomes == []
    runtime.chunk(b"more")
    assert await piece_of(stream) == b"more"
    runtime.chunk(b"")
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes == [Outcome(OutcomeKind.SUCCESS, b"", "text/html")]
    assert stream.size_bytes == 9
    await goes_on(opened, runtime)


async def test_a_stream_of_nothing(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """It begins and ends, and has the content type of bytes."""
    await running(opened, runtime)
    runtime.begin_stream()
    runtime.chunk(b"")
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes == [Outcome(OutcomeKind.SUCCESS, b"", "application/octet-stream")]
    assert opened.owner.streams[0].size_bytes == 0


async def test_a_body_of_known_length_is_streamed_too(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The mode makes a stream, not the framing."""
    await running(opened, runtime)
    runtime.send(f"POST {response_path()} HTTP/1.1\r\nContent-Length: 10\r\n{STREAMING}\r\nhello".encode())
    stream = await opened.owner.streaming()
    assert await piece_of(stream) == b"hello"
    runtime.send(b"world")
    assert (await runtime.answer()).status == 202
    assert await piece_of(stream) == b"world"


async def test_an_error_in_the_trailers_is_the_end(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Type and body as reported; the runtime's report is accepted."""
    await streaming(opened, runtime, "Trailer: Lambda-Runtime-Function-Error-Type\r\n")
    trailers = f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(ERROR).decode()}\r\n"
    runtime.send(f"0\r\nLambda-Runtime-Function-Error-Type: Function.Broken\r\n{trailers}\r\n".encode())
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes == [Outcome(OutcomeKind.ERROR, ERROR, error_type="Function.Broken")]
    await goes_on(opened, runtime)


async def test_who_wants_no_stream_gets_the_whole(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The pieces are one body then."""
    await running(opened, runtime, stream=False)
    runtime.begin_stream()
    for piece in (b"one ", b"body", b""):
        runtime.chunk(piece)
    assert (await runtime.answer()).status == 202
    assert (opened.owner.streams, [outcome.body for outcome in opened.owner.outcomes]) == ([], [b"one body"])


async def test_a_whole_answer_is_no_stream(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Without the mode it is collected, and so are errors, whoever wants what."""
    await running(opened, runtime)
    assert (await runtime.request("POST", error_path(), b"{}", STREAMING)).status == 202
    assert (opened.owner.streams, len(opened.owner.outcomes)) == ([], 1)


async def test_more_than_a_buffered_answer_may_hold(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Six megabytes are no limit for a stream."""
    stream = await streaming(opened, runtime)
    runtime.chunk(b"x" * (RESPONSE_LIMIT_BYTES + 1))
    runtime.chunk(b"")
    reading = asyncio.ensure_future(_size_of(stream))
    assert (await runtime.answer()).status == 202
    stream.finish(opened.owner.outcomes[0])
    assert await reading == RESPONSE_LIMIT_BYTES + 1


async def _size_of(stream: LiveStream) -> int:
    return sum([len(piece) async for piece in stream])


# refusals


@pytest.mark.parametrize(
    ("path", "headers", "refused"),
    [
        (response_path("other"), "", "InvalidRequestID"),
        (response_path(), "Lambda-Runtime-Invocation-Id: other\r\n", "InvokeTimeout"),
    ],
)
async def test_a_refused_stream_changes_nothing(
    opened: OpenEndpoint, runtime: FakeRuntime, path: str, headers: str, refused: str
) -> None:
    """It is read to its end and then refused; the invocation can still be answered by a stream."""
    await running(opened, runtime)
    stranger = await opened.connect()
    answer = await stranger.request("POST", path, b"x" * 1000, STREAMING + headers)
    assert error_type(answer) == refused
    assert opened.owner.streams == []
    runtime.begin_stream()
    runtime.chunk(b"")
    assert (await runtime.answer()).status == 202


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", NEXT), ("POST", response_path()), ("POST", error_path())],
    ids=["next", "response", "error"],
)
async def test_nothing_else_is_legal_while_an_answer_streams(
    opened: OpenEndpoint, runtime: FakeRuntime, method: str, path: str
) -> None:
    """403 on another connection, and the stream goes on."""
    await streaming(opened, runtime)
    other = await opened.connect()
    answer = await other.request(method, path, headers=STREAMING)
    assert (answer.status, error_type(answer)) == (403, "InvalidStateTransition")
    runtime.chunk(b"")
    assert (await runtime.answer()).status == 202


async def test_a_stream_behind_an_unanswered_poll_is_collected(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A client that writes ahead is answered in its order, and nothing of its answer is lost."""
    await running(opened, runtime)
    ahead = await opened.connect()
    opened.endpoint._others["/slow"] = lambda _request, _connection: None
    ahead.send(request_bytes("GET", "/slow"))
    ahead.begin_stream()
    ahead.chunk(b"all")
    ahead.chunk(b"")
    await until(lambda: any(len(connection._queue) == 1 for connection in opened.endpoint._connections))
    slow = next(connection for connection in opened.endpoint._connections if connection._queue)
    slow.answer(200, b"")
    assert [(await ahead.answer()).status for _ in range(2)] == [200, 202]
    assert [outcome.body for outcome in opened.owner.outcomes] == [b"all"]


# what breaks


async def test_an_upload_that_ends_early_is_truncated(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """400 for who can still listen, an error at the end of the stream, and another connection may go on."""
    await streaming(opened, runtime)
    runtime.send(b"ff\r\nhalf a chunk")
    runtime.send_eof()
    answer = await runtime.answer()
    assert (answer.status, error_type(answer)) == (400, "TruncatedHTTPRequest")
    [outcome] = opened.owner.outcomes
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.ERROR, "Runtime.TruncatedResponse")
    assert opened.endpoint.state is RuntimeState.RESPONSE_SENT
    await goes_on(opened, await opened.connect())


async def test_a_reset_is_truncated(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A connection that vanishes ends its stream; what came before can be read."""
    stream = await streaming(opened, runtime)
    runtime.chunk(b"last")
    await runtime.sent()
    await until(lambda: stream.size_bytes == 9)
    runtime.reset()
    assert (await opened.owner.over()).is_truncated
    stream.finish(opened.owner.outcomes[0])
    assert await piece_of(stream) == b"last"
    assert await _size_of(stream) == 0
    await goes_on(opened, await opened.connect())


async def test_a_chunk_that_is_none_is_truncated(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The wire's own refusal is the one answer, and what follows is read and forgotten."""
    await streaming(opened, runtime)
    runtime.send(b"no number\r\n" + request_bytes("GET", NEXT))
    answer = await runtime.answer()
    assert (answer.status, answer.body[:24]) == (400, b"malformed HTTP request: ")
    assert await runtime.rest() == b""
    assert (await opened.owner.over()).is_truncated
    await goes_on(opened, await opened.connect())


async def test_an_answer_that_is_too_large_ends_at_the_limit(
    opened: OpenEndpoint, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader gets what fits and the error at once; the rest is read and dropped, and the runtime hears of it at its end."""
    monkeypatch.setattr(streamed_answer, "STREAM_LIMIT_BYTES", 8)
    stream = await streaming(opened, runtime)
    runtime.chunk(b"1234")
    outcome = await opened.owner.over()
    assert (outcome.error_type, b"(8 bytes)" in outcome.body) == ("Function.ResponseSizeTooLarge", True)
    assert await piece_of(stream) == b"123"
    stream.finish(outcome)
    runtime.chunk(b"x" * 2 * WINDOW_BYTES)
    runtime.chunk(b"")
    answer = await runtime.answer()
    assert (answer.status, error_type(answer), stream.size_bytes) == (413, "RequestEntityTooLarge", 8)
    await goes_on(opened, runtime)


async def test_an_answer_may_be_as_large_as_the_limit(
    opened: OpenEndpoint, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit itself fits."""
    monkeypatch.setattr(streamed_answer, "STREAM_LIMIT_BYTES", 9)
    await streaming(opened, runtime)
    runtime.chunk(b"1234")
    runtime.chunk(b"")
    assert (await runtime.answer()).status == 202


# readers


async def test_a_slow_reader_holds_the_runtime_up(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Far less than was written waits with us, and all of it arrives when it is read."""
    stream = await streaming(opened, runtime)
    size = 16 * 1024 * 1024
    runtime.chunk(b"x" * size)
    runtime.chunk(b"")
    await until(lambda: stream._is_held)
    assert stream.size_bytes < 4 * WINDOW_BYTES
    assert stream._waiting_bytes < 4 * WINDOW_BYTES
    read = 0
    while read < size:
        read += len(await piece_of(stream))
        assert stream._waiting_bytes < 4 * WINDOW_BYTES
    assert (await runtime.answer()).status == 202
    await goes_on(opened, runtime)


async def test_a_reader_that_leaves_lets_the_runtime_finish(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The rest of its answer is read and dropped, and accepted."""
    stream = await streaming(opened, runtime)
    runtime.chunk(b"x" * 16 * 1024 * 1024)
    runtime.chunk(b"")
    await until(lambda: stream._is_held)
    stream.abandon()
    assert (await runtime.answer()).status == 202
    await goes_on(opened, runtime)


async def test_a_sandbox_that_ends_counts_no_answer(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Whoever still writes then is refused at its end, and the owner hears nothing."""
    await streaming(opened, runtime)
    opened.endpoint.retire()
    runtime.chunk(b"")
    answer = await runtime.answer()
    assert (answer.status, error_type(answer)) == (400, "InvalidRequestID")
    assert opened.owner.outcomes == []

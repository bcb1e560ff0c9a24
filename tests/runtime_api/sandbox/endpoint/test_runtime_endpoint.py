"""The Runtime API over real sockets: statuses, bodies, order of checks, and what a broken client can do."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest

from runtime_api.protocol.invocation import Invocation, Outcome, OutcomeKind
from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES
from runtime_api.protocol.runtime.states import RuntimeState
from runtime_api.sandbox.endpoint.answers import event_headers
from tests.runtime_api.fake_runtime import (
    API,
    ARN,
    INIT_ERROR,
    NEXT,
    REQUEST_ID,
    TRACE_ID,
    Answer,
    FakeRuntime,
    error_path,
    invocation,
    request_bytes,
    response_path,
)
from tests.runtime_api.sandbox.conftest import OpenEndpoint
from tests.runtime_api.waiting import until

DEADLINE_MS = 1_700_000_003_000
OK = b'{"status":"OK"}\n'
BAD_ID = b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'
TRUNCATED = b'{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}\n'
BAD_MODE = b'{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}\n'


def refused(state: str, target: str) -> bytes:
    """The body of a 403."""
    return (
        f'{{"errorMessage":"State transition from {state} to {target} failed for runtime. '
        f'Error: State transition is not allowed","errorType":"InvalidStateTransition"}}\n'
    ).encode()


def brief(answer: Answer) -> tuple[int, str | None, bytes]:
    """Status, content type, body."""
    return answer.status, answer.headers.get("content-type"), answer.body


async def hand_over(opened: OpenEndpoint, runtime: FakeRuntime, event: Invocation | None = None) -> Answer:
    """Bring a fresh endpoint to Running."""
    ready = opened.owner.ready_count
    runtime.park()
    await opened.owner.ready(ready + 1)
    opened.endpoint.hand_over(event or invocation(), DEADLINE_MS)
    return await runtime.answer()


async def assert_usable(opened: OpenEndpoint) -> None:
    """The current invocation can still be answered, by a connection that did nothing wrong."""
    assert opened.endpoint.state is RuntimeState.RUNNING
    runtime = await opened.connect()
    assert brief(await runtime.request("POST", response_path(), b"fine")) == (202, "application/json", OK)
    assert [outcome.body for outcome in opened.owner.outcomes] == [b"fine"]


# the event


async def test_next_delivers_the_event(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The payload's bytes, and the documented headers."""
    answer = await hand_over(opened, runtime, invocation(payload=b'{"a": "\xc3\xa9"}'))
    assert (answer.status, answer.body) == (200, b'{"a": "\xc3\xa9"}')
    # unique, as its own tests show
    assert answer.headers.pop("lambda-runtime-invocation-id")
    assert answer.headers == {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": REQUEST_ID,
        "lambda-runtime-deadline-ms": str(DEADLINE_MS),
        "lambda-runtime-invoked-function-arn": ARN,
        "lambda-runtime-trace-id": TRACE_ID,
        "content-length": "11",
    }


def test_optional_headers_are_there_when_they_have_a_value() -> None:
    """Client context and tenant are sent, in their documented names, or left out."""
    full = Invocation("id", b"", ARN, "t", content_type="text/x", client_context='{"a":1}', tenant_id="blue")
    assert event_headers(full, 5, "i") == (
        b"Content-Type: text/x\r\nLambda-Runtime-Aws-Request-Id: id\r\nLambda-Runtime-Deadline-Ms: 5\r\n"
        b"Lambda-Runtime-Invoked-Function-Arn: " + ARN.encode() + b"\r\nLambda-Runtime-Invocation-Id: i\r\n"
        b"Lambda-Runtime-Trace-Id: t\r\n"
        b'Lambda-Runtime-Client-Context: {"a":1}\r\nLambda-Runtime-Aws-Tenant-Id: blue\r\n'
    )
    bare = event_headers(Invocation("id", b"", ARN, ""), 5, "i")
    assert [line.split(b":")[0] for line in bare.split(b"\r\n")] == [
        b"Content-Type",
        b"Lambda-Runtime-Aws-Request-Id",
        b"Lambda-Runtime-Deadline-Ms",
        b"Lambda-Runtime-Invoked-Function-Arn",
        b"Lambda-Runtime-Invocation-Id",
        b"",
    ]


async def test_a_second_next_gets_the_same_event_again(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """On the same connection and on another one; the owner hears of neither."""
    first = await hand_over(opened, runtime)
    other = await opened.connect()
    assert await runtime.request("GET", NEXT) == first
    assert await other.request("GET", NEXT) == first
    assert opened.owner.ready_count == 1
    await assert_usable(opened)


async def test_all_who_poll_get_the_event(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Two polls parked at once are one runtime that asked twice."""
    other = await opened.connect()
    runtime.park()
    await opened.owner.ready()
    other.park()
    await until(lambda: len(opened.endpoint._polls) == 2)
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    assert await runtime.answer() == await other.answer()
    assert opened.owner.ready_count == 1


async def test_a_poll_that_is_lost_loses_nothing(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A client that went away while parked: the event is the next poll's."""
    runtime.park()
    await opened.owner.ready()
    await runtime.close()
    await until(lambda: not opened.endpoint._polls)
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    again = await opened.connect()
    assert (await again.request("GET", NEXT)).body == b'{"n":1}'
    await assert_usable(opened)


async def test_a_poll_that_is_lost_can_be_replaced_before_the_event(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A new poll takes the place of the lost one, and the owner is not told twice."""
    runtime.park()
    await opened.owner.ready()
    await runtime.close()
    again = await opened.connect()
    again.park()
    await until(lambda: len(opened.endpoint._polls) == 1)
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    assert (await again.answer()).status == 200
    assert opened.owner.ready_count == 1


# answers


@pytest.mark.parametrize("headers", ["", "Content-Type: text/html\r\n", "Content-Type: \r\n"])
async def test_a_response_is_accepted(opened: OpenEndpoint, runtime: FakeRuntime, headers: str) -> None:
    """202, and the owner has the bytes and their content type, application/json when there is none."""
    await hand_over(opened, runtime)
    answer = await runtime.request("POST", response_path(), b"\x00\xff not json", headers)
    assert brief(answer) == (202, "application/json", OK)
    content_type = "text/html" if "html" in headers else "application/json"
    assert opened.owner.outcomes == [Outcome(OutcomeKind.SUCCESS, b"\x00\xff not json", content_type)]
    assert opened.endpoint.state is RuntimeState.RESPONSE_SENT


async def test_an_empty_response_is_a_response(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """No bytes at all are an answer too."""
    await hand_over(opened, runtime)
    assert (await runtime.request("POST", response_path())).status == 202
    assert opened.owner.outcomes[0].body == b""


async def test_an_error_is_accepted(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The body is untouched, the type normalised for telemetry."""
    await hand_over(opened, runtime)
    body = b'{ "errorMessage" : "x" }'
    headers = "Content-Type: application/x\r\nLambda-Runtime-Function-Error-Type: MyError\r\n"
    assert brief(await runtime.request("POST", error_path(), body, headers)) == (202, "application/json", OK)
    assert opened.owner.outcomes == [Outcome(OutcomeKind.ERROR, body, "application/x", "Runtime.Unknown")]


@pytest.mark.parametrize("path", [error_path(), INIT_ERROR])
@pytest.mark.parametrize(
    ("body", "seen", "content_type"),
    [
        (b'{"errorMessage":"m","errorCause":{"x":1}}', b'{"errorMessage":"m"}', "application/json"),
        (b"not json", b'"Invalid error body"', "application/octet-stream"),
    ],
)
async def test_an_error_with_a_cause(
    opened: OpenEndpoint, runtime: FakeRuntime, path: str, body: bytes, seen: bytes, content_type: str
) -> None:
    """The caller sees the error without its cause, or that it could not be read."""
    if path != INIT_ERROR:
        await hand_over(opened, runtime)
    headers = "Content-Type: application/vnd.aws.lambda.error.cause+json\r\n"
    assert (await runtime.request("POST", path, body, headers)).status == 202
    [outcome] = opened.owner.outcomes + opened.owner.init_failures
    assert (outcome.body, outcome.content_type) == (seen, content_type)


async def test_an_init_error_is_accepted_once(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The first is told to the owner, a second is refused, and so is a next."""
    assert brief(await runtime.request("POST", INIT_ERROR, b"why")) == (202, "application/json", OK)
    again = await runtime.request("POST", INIT_ERROR, b"why")
    assert brief(again) == (403, "application/json", refused("InitError", "InitError"))
    assert brief(await runtime.request("GET", NEXT)) == (403, "application/json", refused("InitError", "Ready"))
    assert opened.owner.init_failures == [Outcome(OutcomeKind.ERROR, b"why", error_type="Runtime.Unknown")]


async def test_a_second_answer_is_refused(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """With the current id it is the wrong state, with an old one the wrong id."""
    await hand_over(opened, runtime)
    await runtime.request("POST", response_path(), b"1")
    for path, target in ((response_path(), "InvocationResponse"), (error_path(), "InvocationErrorResponse")):
        answer = await runtime.request("POST", path, b"2")
        assert brief(answer) == (403, "application/json", refused("RuntimeResponseSentState", target))
    await hand_over(opened, runtime, invocation("second"))
    assert brief(await runtime.request("POST", response_path(), b"3")) == (400, "application/json", BAD_ID)
    assert [outcome.body for outcome in opened.owner.outcomes] == [b"1"]
    assert (await runtime.request("POST", response_path("second"), b"4")).status == 202


@pytest.mark.parametrize(
    ("path", "target"), [(response_path(), "InvocationResponse"), (error_path(), "InvocationErrorResponse")]
)
async def test_an_answer_to_nothing(opened: OpenEndpoint, runtime: FakeRuntime, path: str, target: str) -> None:
    """Before the first event no id is known, so every id is wrong."""
    assert brief(await runtime.request("POST", path, b"x")) == (400, "application/json", BAD_ID)
    assert opened.endpoint.state is RuntimeState.STARTED


async def test_an_answer_while_ready_has_an_old_id_and_a_wrong_state(
    opened: OpenEndpoint, runtime: FakeRuntime
) -> None:
    """The id of the last invocation is still known: it is the state that refuses."""
    await hand_over(opened, runtime)
    await runtime.request("POST", response_path(), b"1")
    runtime.park()
    await opened.owner.ready(2)
    other = await opened.connect()
    answer = await other.request("POST", response_path(), b"2")
    assert brief(answer) == (403, "application/json", refused("Ready", "InvocationResponse"))


async def test_an_init_error_after_init_is_refused(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Once next was called, init is over; the invocation goes on."""
    await hand_over(opened, runtime)
    answer = await runtime.request("POST", INIT_ERROR, b"x")
    assert brief(answer) == (403, "application/json", refused("Running", "InitError"))
    await assert_usable(opened)


async def test_the_largest_response_is_accepted(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """6291556 bytes."""
    await hand_over(opened, runtime)
    answer = await runtime.request("POST", response_path(), b"x" * 6_291_556)
    assert brief(answer) == (202, "application/json", OK)
    assert [len(outcome.body) for outcome in opened.owner.outcomes] == [6_291_556]


@pytest.mark.parametrize("path", [response_path(), error_path(), INIT_ERROR])
async def test_one_byte_more_is_too_large(opened: OpenEndpoint, runtime: FakeRuntime, path: str) -> None:
    """413 for the runtime, an error for the caller; the runtime goes on with its next event."""
    if path != INIT_ERROR:
        await hand_over(opened, runtime)
    answer = await runtime.request("POST", path, b"x" * (RESPONSE_LIMIT_BYTES + 1))
    assert brief(answer) == (
        413,
        "application/json",
        b'{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"RequestEntityTooLarge"}\n',
    )
    [outcome] = opened.owner.outcomes + opened.owner.init_failures
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.ERROR, "Function.ResponseSizeTooLarge")
    if path != INIT_ERROR:
        assert (await hand_over(opened, runtime, invocation("second"))).status == 200


@pytest.mark.parametrize("mode", ["buffered", "Streaming", "STREAMING", "streaming2", "stream"])
async def test_an_unknown_response_mode(opened: OpenEndpoint, runtime: FakeRuntime, mode: str) -> None:
    """Only `streaming` is a mode; the invocation can still be answered after the refusal."""
    await hand_over(opened, runtime)
    answer = await runtime.request("POST", response_path(), b"x", f"Lambda-Runtime-Function-Response-Mode: {mode}\r\n")
    assert brief(answer) == (400, "application/json", BAD_MODE)
    assert opened.owner.outcomes == []
    await assert_usable(opened)


@pytest.mark.parametrize("header", ["", "Lambda-Runtime-Function-Response-Mode: streaming\r\n"])
@pytest.mark.parametrize("empty", ["", "Lambda-Runtime-Function-Response-Mode:\r\n"])
async def test_the_modes_there_are(opened: OpenEndpoint, runtime: FakeRuntime, header: str, empty: str) -> None:
    """No header and an empty one mean a whole answer; `streaming` is heard too."""
    await hand_over(opened, runtime)
    assert (await runtime.request("POST", response_path(), b"x", header or empty)).status == 202


async def test_an_error_does_not_look_at_the_mode(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The header is the business of responses."""
    await hand_over(opened, runtime)
    headers = "Lambda-Runtime-Function-Response-Mode: nonsense\r\n"
    assert (await runtime.request("POST", error_path(), b"x", headers)).status == 202


# routes


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/2018-06-01",
        f"{API}/runtime/invocation",
        f"{API}/runtime/invocation/",
        f"{NEXT}/",
        "/2018-06-02/ping",
        f"{API}/runtime/invocation//response",
        f"{API}/runtime/invocation/{REQUEST_ID}",
        f"{API}/runtime/invocation/{REQUEST_ID}/other",
        f"{API}/runtime/invocation/a/b/response",
        "*",
        "//",
        f"{API}/runtime/invocation/{REQUEST_ID}/response/",
        f"{API}/runtime/init/error/x",
        f"{API}/runtime/restore/next",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path(opened: OpenEndpoint, runtime: FakeRuntime, method: str, path: str) -> None:
    """404 in plain text, whatever the method."""
    answer = await runtime.request(method, path)
    assert brief(answer) == (404, "text/plain; charset=utf-8", b"404 page not found\n")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", NEXT, "GET"),
        ("PUT", NEXT, "GET"),
        ("POST", f"{API}/ping", "GET"),
        ("GET", INIT_ERROR, "POST"),
        ("GET", response_path(), "POST"),
        ("DELETE", error_path(), "POST"),
        ("OPTIONS", response_path("unknown"), "POST"),
    ],
)
async def test_a_wrong_method(opened: OpenEndpoint, runtime: FakeRuntime, method: str, path: str, allow: str) -> None:
    """405, which is allowed, and no body; nothing has happened."""
    answer = await runtime.request(method, path)
    assert (answer.status, answer.headers, answer.body) == (405, {"allow": allow, "content-length": "0"}, b"")
    assert (opened.endpoint.state, opened.owner.ready_count) == (RuntimeState.STARTED, 0)


async def test_ping(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A sign of life."""
    assert brief(await runtime.request("GET", f"{API}/ping?x=1")) == (200, "text/plain; charset=utf-8", b"pong")


async def test_a_percent_encoded_id(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """An id is compared decoded, so a careful client may encode it."""
    await hand_over(opened, runtime, invocation("a/b c-é"))
    path = f"{API}/runtime/invocation/a%2Fb%20c%2d%C3%A9/response"
    assert (await runtime.request("POST", path, b"x")).status == 202


# order of checks


@pytest.mark.parametrize("state", ["Started", "Ready", "RuntimeResponseSentState"])
async def test_the_id_is_checked_before_the_state(opened: OpenEndpoint, runtime: FakeRuntime, state: str) -> None:
    """A wrong id in a wrong state is a wrong id."""
    other = await opened.connect()
    if state == "Ready":
        runtime.park()
        await opened.owner.ready()
    if state == "RuntimeResponseSentState":
        await hand_over(opened, runtime)
        await runtime.request("POST", response_path(), b"1")
    assert opened.endpoint.state.value == state
    assert brief(await other.request("POST", response_path("other"), b"x")) == (400, "application/json", BAD_ID)
    assert opened.endpoint.state.value == state


async def test_the_state_is_checked_before_mode_and_size(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A second answer is refused for being second, whatever else is wrong with it."""
    await hand_over(opened, runtime)
    await runtime.request("POST", response_path(), b"1")
    answer = await runtime.request(
        "POST",
        response_path(),
        b"x" * (RESPONSE_LIMIT_BYTES + 1),
        "Lambda-Runtime-Function-Response-Mode: nonsense\r\n",
    )
    assert answer.body == refused("RuntimeResponseSentState", "InvocationResponse")


async def test_the_mode_is_checked_before_the_size(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """And the invocation is still there to be answered."""
    await hand_over(opened, runtime)
    headers = "Lambda-Runtime-Function-Response-Mode: nonsense\r\n"
    answer = await runtime.request("POST", response_path(), b"x" * (RESPONSE_LIMIT_BYTES + 1), headers)
    assert answer.body == BAD_MODE
    await assert_usable(opened)


async def test_a_wrong_id_is_refused_and_nothing_is_lost(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The invocation in hand can still be answered."""
    await hand_over(opened, runtime)
    assert brief(await runtime.request("POST", response_path("other"), b"x")) == (400, "application/json", BAD_ID)
    await assert_usable(opened)


# the wire


@pytest.mark.parametrize("framing", ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
@pytest.mark.parametrize("path", [response_path(), error_path()])
async def test_an_upload_that_ends_early(opened: OpenEndpoint, runtime: FakeRuntime, path: str, framing: str) -> None:
    """400 for who can still listen, and the invocation can still be answered."""
    await hand_over(opened, runtime)
    runtime.send(f"POST {path} HTTP/1.1\r\n{framing}".encode())
    runtime.send_eof()
    answer = await runtime.answer()
    assert brief(answer) == (400, "application/json", TRUNCATED)
    assert answer.headers["connection"] == "close"
    assert await runtime.rest() == b""
    await assert_usable(opened)


async def test_an_init_error_that_ends_early(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """It has not been reported."""
    runtime.send(f"POST {INIT_ERROR} HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello".encode())
    runtime.send_eof()
    assert brief(await runtime.answer()) == (400, "application/json", TRUNCATED)
    assert (opened.endpoint.state, opened.owner.init_failures) == (RuntimeState.STARTED, [])


async def test_an_upload_that_is_dropped(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A client that vanishes in the middle of its answer has not answered."""
    await hand_over(opened, runtime)
    runtime.send(f"POST {response_path()} HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello".encode())
    await runtime.close()
    await until(lambda: not opened.endpoint._connections)
    assert opened.owner.outcomes == []
    await assert_usable(opened)


async def test_a_chunked_upload(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The chunks are one body."""
    await hand_over(opened, runtime)
    runtime.send(f"POST {response_path()} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    runtime.send(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes[0].body == b"hello world"


async def test_a_stream_that_failed_says_so_in_its_trailers(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The caller gets the error of the trailers instead of half an answer."""
    await hand_over(opened, runtime)
    error = b'{"errorMessage":"broke","errorType":"Function.Broken"}'
    runtime.send(
        f"POST {response_path()} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
        "4\r\nhalf\r\n0\r\nLambda-Runtime-Function-Error-Type: Function.Broken\r\n"
        f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(error).decode()}\r\n\r\n".encode()
    )
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes == [Outcome(OutcomeKind.ERROR, error, error_type="Function.Broken")]


@pytest.mark.parametrize("body", ["", "Lambda-Runtime-Function-Error-Body: %%%\r\n"], ids=["none", "not base64"])
async def test_a_trailer_without_a_body(opened: OpenEndpoint, runtime: FakeRuntime, body: str) -> None:
    """The type alone makes it an error."""
    await hand_over(opened, runtime)
    runtime.send(
        f"POST {response_path()} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"4\r\nhalf\r\n0\r\nlambda-runtime-function-error-type: Oops\r\n{body}\r\n".encode()
    )
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes == [Outcome(OutcomeKind.ERROR, b"", error_type="Runtime.Unknown")]


async def test_expect_100_continue(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A client that waits for leave gets it, and then its answer."""
    await hand_over(opened, runtime)
    runtime.send(f"POST {response_path()} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
    assert await runtime.line() == b"HTTP/1.1 100 Continue\r\n"
    assert await runtime.line() == b"\r\n"
    runtime.send(b"hi")
    assert (await runtime.answer()).status == 202
    assert opened.owner.outcomes[0].body == b"hi"


async def test_answer_and_next_in_one_breath(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Pipelined requests are answered in order."""
    await hand_over(opened, runtime)
    runtime.send(request_bytes("POST", response_path(), b"1") + request_bytes("GET", NEXT))
    assert (await runtime.answer()).status == 202
    await opened.owner.ready(2)
    opened.endpoint.hand_over(invocation("second", b"2"), DEADLINE_MS)
    assert (await runtime.answer()).body == b"2"


async def test_an_answer_behind_a_parked_poll_waits(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Requests behind a poll are served once the poll has its event."""
    runtime.send(request_bytes("GET", NEXT) + request_bytes("POST", response_path(), b"1") + request_bytes("GET", NEXT))
    await opened.owner.ready()
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    assert [(await runtime.answer()).status for _ in range(2)] == [200, 202]
    await opened.owner.ready(2)
    assert [outcome.body for outcome in opened.owner.outcomes] == [b"1"]


async def test_a_hundred_invocations_on_one_connection(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Keep-alive holds."""
    for number in range(100):
        await hand_over(opened, runtime, invocation(f"id-{number}", b"%d" % number))
        assert (await runtime.request("POST", response_path(f"id-{number}"), b"%d" % number)).status == 202
    assert [outcome.body for outcome in opened.owner.outcomes] == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize(
    "name", ["lambda-runtime-function-error-type", "LAMBDA-RUNTIME-FUNCTION-ERROR-TYPE"], ids=["lower", "upper"]
)
async def test_the_case_of_a_header_does_not_matter(opened: OpenEndpoint, runtime: FakeRuntime, name: str) -> None:
    """Header names are compared without it."""
    await hand_over(opened, runtime)
    await runtime.request("POST", error_path(), b"x", f"{name}: Function.Oops\r\n")
    assert opened.owner.outcomes[0].error_type == "Function.Oops"


async def test_connection_close(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Who asks for it is closed after the answer, parked or not; a new connection goes on."""
    runtime.send(request_bytes("GET", NEXT, headers="Connection: close\r\n"))
    await opened.owner.ready()
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    answer = await runtime.answer()
    assert (answer.body, answer.headers["connection"]) == (b'{"n":1}', "close")
    assert await runtime.rest() == b""
    await assert_usable(opened)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_offer_of_http2_is_ignored(opened: OpenEndpoint, runtime: FakeRuntime, method: str) -> None:
    """Clients of some languages offer h2c with each first request, body or no body."""
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    if method == "POST":
        assert brief(await runtime.request("POST", INIT_ERROR, b"why", offer)) == (202, "application/json", OK)
        assert opened.owner.init_failures[0].body == b"why"
        return
    runtime.send(request_bytes("GET", NEXT, headers=offer))
    await opened.owner.ready()
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    assert (await runtime.answer()).body == b'{"n":1}'
    assert (await runtime.request("POST", response_path(), b"x", offer)).status == 202
    assert opened.owner.outcomes[0].body == b"x"


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello?\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
async def test_garbage(opened: OpenEndpoint, runtime: FakeRuntime, garbage: bytes) -> None:
    """400 and closed; nobody else is disturbed."""
    await hand_over(opened, runtime)
    stranger = await opened.connect()
    stranger.send(garbage)
    answer = await stranger.answer()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert await stranger.rest() == b""
    await assert_usable(opened)


async def test_garbage_behind_a_parked_poll(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The poll gets its event first, then the garbage its refusal; the event is there for the next poll too."""
    runtime.park()
    await opened.owner.ready()
    runtime.send(b"garbage\r\n\r\n")
    await asyncio.sleep(0)
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    assert (await runtime.answer()).body == b'{"n":1}'
    assert (await runtime.answer()).status == 400
    assert await runtime.rest() == b""
    again = await opened.connect()
    assert (await again.request("GET", NEXT)).body == b'{"n":1}'
    await assert_usable(opened)


async def test_huge_headers(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """431 reaches its sender, although it is still sending; nobody else is disturbed."""
    await hand_over(opened, runtime)
    big = await opened.connect()
    big.send(f"GET {NEXT} HTTP/1.1\r\n".encode() + b"X-Big: x\r\n" * 600_000)
    await big.sent()
    answer = await big.answer()
    assert (answer.status, answer.headers["connection"]) == (431, "close")
    await assert_usable(opened)


async def test_closing_hangs_up_on_everybody(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """Parked or talking, a client sees the end, and the port is free."""
    runtime.park()
    await opened.owner.ready()
    talking = await opened.connect()
    talking.send(f"POST {response_path()} HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello".encode())
    await until(lambda: len(opened.endpoint._connections) == 2)
    opened.endpoint.close()
    assert await runtime.rest() == b""
    # What it had written may not have been read: then the end is a reset.
    with contextlib.suppress(ConnectionResetError):
        assert await talking.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        await opened.connect()


async def test_nothing_is_heard_after_closing(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """An answer that is on its way while the endpoint closes goes nowhere."""
    await hand_over(opened, runtime)
    runtime.send(request_bytes("POST", response_path(), b"late"))
    opened.endpoint.close()
    await opened.endpoint.wait_until_disconnected()
    assert opened.owner.outcomes == []


async def test_waiting_for_nobody_is_over_at_once(opened: OpenEndpoint) -> None:
    """No client, no wait."""
    await asyncio.wait_for(opened.endpoint.wait_until_disconnected(), 10)

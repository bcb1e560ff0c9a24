from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from runtime_api.conformance.connection import Manners
from runtime_api.conformance.messages import NotJson, Reply
from runtime_api.conformance.runtime_stage.event import event
from runtime_api.conformance.runtime_stage.record import Call, Process, Run
from runtime_api.conformance.runtime_stage.scripted_api import ScriptedApi, refusal
from tests.runtime_api.waiting import until

POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Bench:
    """A scripted API with clients, and its record."""

    api: ScriptedApi
    run: Run

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client."""
        return await asyncio.open_connection("127.0.0.1", self.api.port)

    async def ask(self, request: bytes) -> bytes:
        """What one request is answered, whole: the connection is over afterwards."""
        reader, writer = await self.connect()
        writer.write(request.replace(b"Host: x", b"Host: x\r\nConnection: close", 1))
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """An API that listens."""
    run = Run(processes=[Process()])
    loop = asyncio.get_running_loop()
    api = ScriptedApi(run, lambda: loop.time() * 1000, lambda: None, lambda: 7, "test")
    await api.open("127.0.0.1")
    yield Bench(api, run)
    await api.close()


def post(path: str, body: bytes = b"{}") -> bytes:
    """A request that posts something."""
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)


async def test_a_poll_gets_the_event_with_its_metadata(bench: Bench) -> None:
    """The headers are those of the service, changed as the event says."""
    bench.api.send(event({"a": "ä"}, request_id="one", headers={"lambda-runtime-deadline-ms": None, "X-More": "1"}))
    answer = await bench.ask(POLL)
    assert answer.endswith('\r\n\r\n{"a": "ä"}'.encode())
    assert b"Lambda-Runtime-Aws-Request-Id: one\r\n" in answer
    assert b"X-More: 1\r\n" in answer
    assert b"deadline" not in answer.lower()
    assert (bench.run.polls[0].event, bench.run.polls[0].output_bytes) == (bench.run.invocations[0].event, 7)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("piece_bytes", [0, 1])
async def test_an_event_is_delivered_as_told(bench: Bench, framing: str, piece_bytes: int) -> None:
    """With a length, in chunks, or ended by the connection; at once or byte by byte."""
    delivery = Reply(framing=framing, piece_bytes=piece_bytes)  # type: ignore[arg-type]
    bench.api.send(event("abcd", delivery=delivery))
    answer = await bench.ask(POLL)
    body = answer.partition(b"\r\n\r\n")[2]
    assert body == (b'3\r\n"ab\r\n3\r\ncd"\r\n0\r\n\r\n' if framing == "chunked" else b'"abcd"')


async def test_a_client_of_the_version_before_is_sent_no_chunks(bench: Bench) -> None:
    """HTTP/1.0 has none; it is told the length."""
    bench.api.send(event("abcd", delivery=Reply(framing="chunked")))
    answer = await bench.ask(POLL.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (b"Transfer-Encoding" in answer, b"Content-Length: 6\r\n" in answer) == (False, True)
    assert answer.endswith(b'\r\n\r\n"abcd"')


async def test_an_event_is_kept_for_the_next_poll_when_its_poller_has_left(bench: Bench) -> None:
    """Nothing is lost because a runtime hung up while it waited."""
    _, writer = await bench.connect()
    writer.write(POLL)
    await until(lambda: bench.api.parked)
    writer.close()
    await until(lambda: not bench.api.parked)
    assert bench.run.polls[0].left_ms is not None
    bench.api.send(event("kept"))
    assert (await bench.ask(POLL)).endswith(b'"kept"')


async def test_answers_are_matched_with_their_events(bench: Bench) -> None:
    """By the id in the path, which may be escaped; what is no answer is no result."""
    bench.api.send(event("one", request_id="a/b c"), event("two", request_id="second"))
    for _ in range(2):
        await bench.ask(POLL)
    await bench.ask(post("/2018-06-01/runtime/invocation/a%2Fb%20c/response", b'"ONE"'))
    await bench.ask(post("/2018-06-01/runtime/invocation/second/error", b'{"errorType":"X"}'))
    first, second = bench.run.invocations
    assert first.result == "ONE"
    assert (second.answer is not None, second.result == "two") == (True, False)


async def test_a_call_is_refused_as_often_as_told(bench: Bench) -> None:
    """Single replies are used up one by one; then calls are accepted again."""
    bench.api.set_reply(Call.INIT_ERROR, refusal(403, "InvalidStateTransition"))
    statuses = [(await bench.ask(post("/2018-06-01/runtime/init/error")))[9:12] for _ in range(2)]
    assert statuses == [b"403", b"202"]


async def test_a_poll_can_be_cut(bench: Bench) -> None:
    """The runtime sees a reset, not an end."""
    bench.api.send(Reply(drop="rst"))
    reader, writer = await bench.connect()
    writer.write(POLL)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()


async def test_what_is_no_request_is_recorded_as_such(bench: Bench) -> None:
    """A runtime that breaks its own request line is found out, and the server lives."""
    await bench.ask(b"POST /2018-06-01/runtime/invocation/a b/response HTTP/1.1\r\nHost: x\r\n\r\n")
    (exchange,) = bench.run.exchanges
    assert (exchange.call, bool(exchange.request.malformed)) == (Call.OTHER, True)
    bench.api.send(event("alive"))
    assert b"alive" in await bench.ask(POLL)


async def test_a_body_that_ends_early_is_recorded_as_truncated(bench: Bench) -> None:
    """It is not taken for a shorter one."""
    _, writer = await bench.connect()
    writer.write(b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234")
    await writer.drain()
    writer.close()
    await until(lambda: bench.run.exchanges)
    request = bench.run.exchanges[0].request
    assert (request.truncated, request.body) == (True, b"1234")


async def test_chunks_and_trailers_are_kept(bench: Bench) -> None:
    """A streamed answer is judged by when its pieces came, and by the trailers that report its error."""
    head = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
    await bench.ask(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-End: yes\r\n\r\n")
    request = bench.run.exchanges[0].request
    assert (request.body, [size for _, size in request.pieces], request.trailer("x-end")) == (b"abcde", [3, 2], "yes")


@pytest.mark.parametrize(("manner", "first"), [("continue", b"HTTP/1.1 100"), ("ignore", b"HTTP/1.1 202")])
async def test_expect_is_answered_or_ignored(bench: Bench, manner: str, first: bytes) -> None:
    """Both are allowed, so a client has to cope with both."""
    bench.api.manners = Manners(expect=manner)  # type: ignore[arg-type]
    answer = await bench.ask(
        b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert answer.startswith(first)


async def test_json_is_taken_strictly(bench: Bench) -> None:
    """NaN and broken UTF-8 are not JSON, and equal to nothing."""
    for body in (b"NaN", b'"\xff"', b"{"):
        await bench.ask(post("/2018-06-01/runtime/init/error", body))
    assert all(isinstance(exchange.request.json, NotJson) for exchange in bench.run.init_errors)

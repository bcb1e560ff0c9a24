"""Streamed answers where a sandbox takes several invocations at once, with real processes whose workers are threads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.invoke.response_stream import ResponseStream
from tests.runtime_api.fake_runtime import invocation
from tests.runtime_api.sandbox.test_managed_sandbox import Begin, Managed, answered, begin
from tests.runtime_api.streaming_scripts import STREAMER
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S

__all__ = ["begin"]

# Each worker begins an answer with its event, goes on once the file of that name is there, and does as the name says.
WORKERS = (
    STREAMER
    + """
    import threading

    def work():
        worker = Streamer()
        while True:
            worker.begin()
            order = worker.event.decode().strip('"')
            worker.chunk(order.encode())
            wait_for(order)
            if order == "drop":
                worker.socket.close()
                worker = Streamer()
                continue
            if order == "error":
                Api().fail(worker.request_id, b'{"errorType":"Oops"}')
            worker.chunk(b" done")
            say("told", order, worker.end())

    workers = [threading.Thread(target=work) for _ in range(int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"]))]
    for worker in workers:
        worker.start()
    """
)
GOOD = Outcome(OutcomeKind.SUCCESS, b"", "application/octet-stream")


async def begun(managed: Managed, order: str) -> ResponseStream:
    """The stream of a call, of which its name has been read."""
    call = managed.sandbox.take(invocation(order, f'"{order}"'.encode(), stream=True))
    stream = (await answered(call)).stream
    assert stream is not None
    assert await asyncio.wait_for(anext(aiter(stream)), PATIENCE_S) == order.encode()
    return stream


async def rest_of(stream: ResponseStream) -> tuple[bytes, Outcome]:
    """All that is still to be read, and how it went."""

    async def read() -> tuple[bytes, Outcome]:
        return b"".join([piece async for piece in stream]), await stream.end()

    return await asyncio.wait_for(read(), PATIENCE_S)


async def test_streams_do_not_wait_for_each_other(begin: Begin) -> None:
    """Two go on at once, end in any order, and each has its own pieces."""
    managed = await begin(WORKERS)
    streams = {order: await begun(managed, order) for order in ("a", "b")}
    for order in ("b", "a"):
        managed.release(order)
        assert await rest_of(streams[order]) == (b" done", GOOD)
        await managed.said(f"told {order} 202".encode())


async def test_a_timeout_ends_one_stream_and_no_worker(begin: Begin, clock: VirtualClock) -> None:
    """Its late end gets a 410, and the worker takes the next."""
    managed = await begin(WORKERS, max_concurrency=1)
    stream = await begun(managed, "late")
    clock.advance(30_000)
    body, outcome = await rest_of(stream)
    assert (body, outcome.kind) == (b"", OutcomeKind.TIMEOUT)
    managed.release("late")
    await managed.said(b"told late 410")
    stream = await begun(managed, "next")
    managed.release("next")
    assert (await rest_of(stream))[1] == GOOD


async def test_an_error_that_is_posted_ends_the_stream(begin: Begin) -> None:
    """The posted error is the end; what the worker still writes is refused."""
    managed = await begin(WORKERS)
    stream = await begun(managed, "error")
    managed.release("error")
    body, outcome = await rest_of(stream)
    assert (body, outcome.body) == (b"", b'{"errorType":"Oops"}')
    await managed.said(b"told error 400")


async def test_a_worker_that_drops_its_answer(begin: Begin) -> None:
    """It is truncated, at once, and nobody else is disturbed."""
    managed = await begin(WORKERS)
    dropped, other = await begun(managed, "drop"), await begun(managed, "other")
    managed.release("drop")
    body, outcome = await rest_of(dropped)
    assert (body, json.loads(outcome.body)["errorType"]) == (b"", "Runtime.TruncatedResponse")
    managed.release("other")
    assert (await rest_of(other))[1] == GOOD


async def test_the_end_of_the_process_ends_every_stream(begin: Begin) -> None:
    """No reader waits for a worker that is gone."""
    managed = await begin(WORKERS)
    streams = [await begun(managed, order) for order in ("a", "b")]
    await managed.sandbox.stop()
    assert [(await rest_of(stream))[1].error_type for stream in streams] == ["Runtime.ExitError"] * 2
    assert not Path(managed.function.task_root, "a").exists()

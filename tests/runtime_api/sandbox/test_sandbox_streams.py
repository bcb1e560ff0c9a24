"""Streamed answers of real runtimes: what the caller gets and when, how a stream ends, and what the sandbox is good for after it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.invoke.response_stream import ResponseStream
from runtime_api.sandbox.endpoint.response_stream import LiveStream
from runtime_api.sandbox.sandbox import SandboxState
from runtime_api.telemetry.events import Event, RuntimeDone
from tests.runtime_api.conftest import Script
from tests.runtime_api.living_sandbox import LivingSandbox, answered
from tests.runtime_api.runtime_scripts import ECHO
from tests.runtime_api.sandbox.conftest import Start
from tests.runtime_api.streaming_scripts import STREAMER
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

# Answers in two pieces, the second once the event's file is there; goes on after that.
TWO_PIECES = (
    STREAMER
    + """
    while True:
        api.begin()
        api.chunk(b"one")
        wait_for("two")
        os.remove("two")
        api.chunk(b"two")
        say("told", api.end())
    """
)
# Writes far more than may wait, and goes on.
MUCH = (
    STREAMER
    + """
    while True:
        api.begin()
        for _ in range(64):
            api.chunk(b"x" * 262_144)
        say("told", api.end())
    """
)


async def begun(living: LivingSandbox, *, tail: bool = False) -> ResponseStream:
    """The stream of an invocation, as soon as it has begun."""
    outcome = await answered(living.calling(stream=True, tail=tail))
    assert (outcome.kind, outcome.body) == (OutcomeKind.SUCCESS, b"")
    assert outcome.stream is not None
    return outcome.stream


async def piece_of(stream: ResponseStream) -> bytes:
    """The next piece."""
    return await asyncio.wait_for(anext(aiter(stream)), PATIENCE_S)


async def rest_of(stream: ResponseStream) -> tuple[bytes, Outcome]:
    """All that is still to be read, and how it went."""

    async def read() -> tuple[bytes, Outcome]:
        return b"".join([piece async for piece in stream]), await stream.end()

    return await asyncio.wait_for(read(), PATIENCE_S)


def touch(living: LivingSandbox, name: str) -> None:
    """Let a runtime go on that waits for this file."""
    Path(living.function.task_root, name).touch()


def error_of(outcome: Outcome) -> tuple[str | None, str]:
    """What the caller is told of an error: its type as telemetry has it, and its message."""
    return outcome.error_type, json.loads(outcome.body)["errorMessage"].partition("Error: ")[2]


async def test_the_answer_is_there_when_it_begins(script: Script, start: Start) -> None:
    """The first piece while the runtime still works on the second, then the end; the sandbox is used again."""
    living = await start(script(TWO_PIECES))
    for _ in range(2):
        stream = await begun(living)
        assert stream.content_type == "application/octet-stream"
        assert await piece_of(stream) == b"one"
        assert living.sandbox.state is SandboxState.BUSY
        touch(living, "two")
        assert await rest_of(stream) == (b"two", Outcome(OutcomeKind.SUCCESS, b"", "application/octet-stream"))
        await living.idle()


async def test_the_log_comes_at_the_end(script: Script, start: Start) -> None:
    """With the log tail the end waits for REPORT, the pieces do not."""
    living = await start(script(TWO_PIECES))
    stream = await begun(living, tail=True)
    assert await piece_of(stream) == b"one"
    touch(living, "two")
    _, outcome = await rest_of(stream)
    assert outcome.log_tail is not None
    assert [line.split()[0] for line in outcome.log_tail.splitlines()] == [b"START", b"told", b"END", b"REPORT"]


async def test_who_wants_no_stream_waits_for_the_whole(script: Script, start: Start) -> None:
    """The same runtime, called as ever."""
    living = await start(script(TWO_PIECES))
    touch(living, "two")
    assert await living.invoke() == Outcome(OutcomeKind.SUCCESS, b"onetwo")


async def test_a_function_that_does_not_stream_answers_as_ever(script: Script, start: Start) -> None:
    """Whoever wants a stream gets the whole, and sees that it is no stream."""
    living = await start(script(ECHO))
    assert await answered(living.calling(b"[1]", stream=True)) == Outcome(OutcomeKind.SUCCESS, b"[1]")


async def test_telemetry_of_a_stream(script: Script, start: Start, clock: VirtualClock) -> None:
    """Latency to its beginning, duration to its end, and how much was produced."""
    events: list[Event] = []
    living = await start(script(TWO_PIECES))
    living.sandbox._stream.subscribe(events.append)
    await living.idle()
    stream = await begun(living)
    clock.advance(70)
    touch(living, "two")
    await rest_of(stream)
    await living.idle()
    [done] = [event.record for event in events if isinstance(event.record, RuntimeDone)]
    assert done.produced_bytes == 6
    assert [(span.name, span.duration_ms) for span in done.spans] == [
        ("responseLatency", 0),
        ("responseDuration", 70),
        ("runtimeOverhead", 0),
    ]


# how it can end


async def test_an_error_in_the_trailers(script: Script, start: Start) -> None:
    """What was written before it stays written; the sandbox goes on."""
    living = await start(
        script(
            STREAMER
            + """
    while True:
        api.begin()
        api.chunk(b"half")
        # {"errorType":"E"}
        api.end("Lambda-Runtime-Function-Error-Type: Function.Broke\\r\\n"
            "Lambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJFIn0=\\r\\n")
    """
        )
    )
    for _ in range(2):
        body, outcome = await rest_of(await begun(living))
        assert (body, outcome) == (
            b"half",
            Outcome(OutcomeKind.ERROR, b'{"errorType":"E"}', error_type="Function.Broke"),
        )
        await living.idle()


@pytest.mark.parametrize("tail", [False, True])
async def test_a_timeout_ends_the_stream_at_once(
    script: Script, start: Start, clock: VirtualClock, *, tail: bool
) -> None:
    """What waits can be read, and then it is over, although the runtime is not."""
    living = await start(script(STREAMER + "\n    api.begin(); api.chunk(b'one'); wait_for('never')", timeout_ms=3000))
    await living.idle()
    stream = await begun(living, tail=tail)
    await until(lambda: isinstance(stream, LiveStream) and stream.size_bytes == 3)
    clock.advance(3000)
    body, outcome = await rest_of(stream)
    assert (body, outcome.kind) == (b"one", OutcomeKind.TIMEOUT)
    assert error_of(outcome) == ("Sandbox.Timedout", "Task timed out after 3.00 seconds")
    assert (outcome.log_tail is not None) == tail
    await living.ended()


@pytest.mark.parametrize(
    ("end", "reason"),
    [("os._exit(3)", "exit status 3"), ("os.kill(os.getpid(), 9)", "signal: killed")],
    ids=["exit", "kill"],
)
async def test_an_exit_in_the_middle(script: Script, start: Start, end: str, reason: str) -> None:
    """The caller is told of the exit, not of the connection that was lost by it."""
    living = await start(script(STREAMER + f"\n    api.begin(); api.chunk(b'one'); {end}"))
    body, outcome = await rest_of(await begun(living))
    assert body == b"one"
    assert error_of(outcome) == ("Runtime.ExitError", f"Runtime exited with error: {reason}")
    await living.ended()


async def test_a_connection_that_is_dropped_in_the_middle(script: Script, start: Start) -> None:
    """A runtime that goes on without having ended its answer has truncated it; the sandbox is used again."""
    living = await start(
        script(
            STREAMER
            + """
    while True:
        api.begin()
        api.chunk(b"one")
        api.socket.close()
        api = Streamer()
    """
        )
    )
    for _ in range(2):
        body, outcome = await rest_of(await begun(living))
        assert body == b"one"
        assert error_of(outcome) == ("Runtime.TruncatedResponse", "Response stream ended before it was complete")
        await living.idle()


async def test_a_runtime_that_drops_its_answer_and_hangs(script: Script, start: Start, clock: VirtualClock) -> None:
    """Then it is the timeout the caller is told of."""
    living = await start(
        script(STREAMER + "\n    api.begin(); api.socket.close(); say('dropped'); wait_for('never')", timeout_ms=3000)
    )
    stream = await begun(living)
    await until(lambda: living.sandbox.finishing)
    clock.advance(3000)
    assert error_of((await rest_of(stream))[1])[0] == "Sandbox.Timedout"
    await living.ended()


async def test_an_end_from_outside(script: Script, start: Start) -> None:
    """A sandbox that is stopped leaves no reader waiting."""
    living = await start(script(STREAMER + "\n    api.begin(); wait_for('never')"))
    stream = await begun(living)
    await living.sandbox.stop()
    assert error_of((await rest_of(stream))[1])[0] == "Runtime.ExitError"


# readers


async def test_a_slow_reader_does_not_outlast_the_timeout(script: Script, start: Start, clock: VirtualClock) -> None:
    """Nobody reads: the runtime is held up and times out as if it slept; what waits is bounded, and can still be read."""
    living = await start(script(MUCH, timeout_ms=3000))
    stream = await begun(living)
    await until(lambda: isinstance(stream, LiveStream) and stream._is_held)
    clock.advance(3000)
    await living.ended()
    body, outcome = await rest_of(stream)
    assert outcome.kind is OutcomeKind.TIMEOUT
    assert 0 < len(body) < 2_000_000


async def test_a_reader_that_leaves_stops_nobody(script: Script, start: Start) -> None:
    """The function runs to its end, and the sandbox takes the next."""
    living = await start(script(MUCH))
    for count in (1, 2):
        stream = await begun(living)
        await piece_of(stream)
        stream.abandon()
        await living.said_often(b"told 202", count)
        await living.idle()


async def test_a_caller_that_leaves_before_the_beginning(script: Script, start: Start) -> None:
    """There is nobody to read what then comes: the function runs to its end all the same."""
    living = await start(script(STREAMER + "\n    wait_for('go')" + MUCH.removeprefix(STREAMER)))
    call = living.calling(stream=True)
    await asyncio.sleep(0)
    call.cancel()
    touch(living, "go")
    await living.said(b"told 202")
    await living.idle()

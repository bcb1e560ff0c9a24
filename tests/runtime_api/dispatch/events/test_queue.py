from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from runtime_api.dispatch.events.ledger import EventDetails, Ledger
from runtime_api.dispatch.events.queue import EventQueue
from runtime_api.dispatch.events.sqlite_store import SqliteStore
from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.protocol.asynchronous import rules
from runtime_api.protocol.asynchronous.event import Condition, EventState, FinishedEvent, LastAttempt
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import parse_reference
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke.errors import (
    EventTooLarge,
    InvalidParameterValue,
    InvalidRequestContent,
    InvokeError,
    RecursiveInvocation,
    ResourceNotFound,
    ServiceFailure,
)
from tests.runtime_api.dispatch.events.queued import failed, queued
from tests.runtime_api.dispatch.events.scripted import BAD, GOOD, THROTTLE, NotingDeliverer, ScriptedDispatcher
from tests.runtime_api.virtual_clock import START_MS, VirtualClock
from tests.runtime_api.waiting import until

DLQ = "arn:aws:sqs:us-east-1:123456789012:dead"
LISTED = EventInvokeConfig(on_success="file:good.jsonl", on_failure="file:bad.jsonl")
FUNCTIONS = [
    Function(name="plain", task_root="/", handler="a.b"),
    Function(name="listed", task_root="/", handler="a.b", event_invoke=LISTED, dead_letter_target=DLQ),
    Function(name="stopped", task_root="/", handler="a.b", event_invoke=LISTED, concurrency=0),
    Function(name="rented", task_root="/", handler="a.b", tenant_isolation=True),
    Function(name="listed", version="1", task_root="/", handler="a.b"),
]
ALIASES = [
    Alias(
        function_name="listed",
        name="once",
        version="1",
        event_invoke=EventInvokeConfig(maximum_retry_attempts=0, on_failure="file:alias.jsonl"),
    )
]


class World:
    """A queue with what it stands on, all in memory but the store."""

    def __init__(self, folder: Path, clock: VirtualClock, time_scale: float = 1.0) -> None:
        self.folder = folder
        self.clock = clock
        self.dispatcher = ScriptedDispatcher(FUNCTIONS, ALIASES)
        self.deliverer = NotingDeliverer()
        self.store = SqliteStore(str(folder))
        self.queue = EventQueue(self.dispatcher, self.store, clock, time_scale)

    async def send(self, name: str, payload: bytes = b"{}") -> str:
        """Hand an event in."""
        return await self.queue.send(parse_reference(name), payload)

    async def run_until(self, condition: Callable[[], object]) -> None:
        """Let hours pass until it holds, moment by moment: time stands still while there is something to do."""

        def holds_by_now() -> object:
            if not condition() and self.is_quiet:
                self.clock.advance(self.clock.pending[0])
            return condition()

        await until(holds_by_now)

    async def pass_s(self, seconds: int) -> None:
        """Let so many seconds pass, likewise."""
        end_ms = self.clock.time_ms() + seconds * 1_000
        await self.run_until(lambda: self.clock.time_ms() >= end_ms and self.is_quiet)

    @property
    def is_quiet(self) -> bool:
        """Whether everybody waits for time to pass: two sets of workers, and those that wait in the middle of their work."""
        workers = (self.queue._runners, self.queue._tellers)
        assert workers[1] is not None
        under_way = sum(len(each._tasks) for each in workers if each)
        return len(self.clock.pending) == 2 + under_way and not any(each._wake.is_set() for each in workers if each)

    async def rest_of(self, request_id: str) -> list[EventDetails]:
        """What the store has of an event."""
        with Ledger(str(self.folder)) as ledger:
            return list(ledger.find(request_id))

    async def forgotten(self, request_id: str) -> None:
        """Wait until the store has it no more."""
        while await self.rest_of(request_id):
            await asyncio.sleep(0.002)

    @property
    def told(self) -> list[tuple[str, Condition, int]]:
        """Who was told of what, in order."""
        return [(address, finished.condition, finished.count) for address, finished in self.deliverer.delivered]

    async def close(self) -> None:
        """Without waiting for what runs."""
        await self.queue.close(0)
        await self.dispatcher.close()


@pytest.fixture
async def world(tmp_path: Path, clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[World]:
    """One that runs."""
    world = World(tmp_path, clock)
    await world.queue.start(world.deliverer)
    yield world
    await world.close()


async def test_an_event_runs_once_when_that_goes_well(world: World) -> None:
    """With the id its sender got, and nothing is left of it."""
    request_id = await world.send("plain", b'{"a":1}')
    await until(lambda: world.dispatcher.calls)
    [invocation] = world.dispatcher.calls
    assert (invocation.request_id, invocation.payload) == (request_id, b'{"a":1}')
    assert invocation.invoked_arn == "arn:aws:lambda:us-east-1:123456789012:function:plain"
    await world.forgotten(request_id)
    assert world.queue.counts["plain"].async_events_received == 1
    assert world.queue.counts["plain"].async_events_dropped == 0


async def test_three_attempts_with_one_id(world: World) -> None:
    """A minute and two minutes apart; then everybody who is to know is told, and nothing is left."""
    begun: list[float] = []

    async def fail(_function: Function, _invocation: Invocation) -> Outcome:
        begun.append(world.clock.time_ms() - START_MS)
        return BAD

    world.dispatcher.script = fail
    request_id = await world.send("listed")
    await world.run_until(lambda: len(world.told) == 2)
    assert begun == [0, 60_000, 180_000]
    assert {invocation.request_id for invocation in world.dispatcher.calls} == {request_id}
    assert set(world.told) == {(address, Condition.RETRIES_EXHAUSTED, 3) for address in ("file:bad.jsonl", DLQ)}
    assert world.deliverer.delivered[0][1].last == LastAttempt(200, BAD.body, "$LATEST", True, "no")
    await world.forgotten(request_id)
    counts = world.queue.counts["listed"]
    assert counts.async_events_dropped == 1
    # In seconds, of each attempt as it began.
    assert (counts.async_event_age.cumulative[-1], counts.async_event_age.sum) == (3, 240)


async def test_a_success_is_told_too(world: World) -> None:
    """To its own destination, with what the function said."""
    await world.send("listed:$LATEST", b'"in"')
    await until(lambda: world.told)
    [(address, finished)] = world.deliverer.delivered
    assert (address, finished.condition, finished.count) == ("file:good.jsonl", Condition.SUCCESS, 1)
    assert finished.function_arn == "arn:aws:lambda:us-east-1:123456789012:function:listed:$LATEST"
    assert finished.event.payload == b'"in"'
    assert finished.last == LastAttempt(200, GOOD.body, "$LATEST")


async def test_an_alias_has_settings_of_its_own(world: World) -> None:
    """And its name is in the ARN."""
    world.dispatcher.answers = [BAD]
    await world.send("listed:once")
    await until(lambda: world.told)
    assert world.told == [("file:alias.jsonl", Condition.RETRIES_EXHAUSTED, 1)]
    assert world.deliverer.delivered[0][1].function_arn.endswith(":function:listed:once")


async def test_throttles_are_waited_out(world: World) -> None:
    """With a back-off, and without using up a retry."""
    world.dispatcher.answers = [THROTTLE, THROTTLE, ServiceFailure("busy"), BAD, GOOD]
    await world.send("listed")
    await world.run_until(lambda: world.told)
    assert world.told == [("file:good.jsonl", Condition.SUCCESS, 2)]
    assert world.clock.time_ms() - START_MS >= 1_000 + 2_000 + 4_000 + 60_000


async def test_the_reason_of_a_wait_can_be_read(world: World) -> None:
    """Whether the function failed, or was not run."""
    world.dispatcher.answers = [THROTTLE, BAD]
    request_id = await world.send("plain")
    for reason, attempts in (("ConcurrentInvocationLimitExceeded", 0), ("no", 1)):

        async def waits(reason: str = reason) -> bool:
            [found] = await world.rest_of(request_id)
            return found.state is EventState.QUEUED and found.event.reason == reason

        while not await waits():
            await asyncio.sleep(0.002)
        [found] = await world.rest_of(request_id)
        assert found.event.attempts == attempts
        await world.pass_s(1)


async def test_no_attempt_where_none_is_allowed(world: World) -> None:
    """Reserved concurrency 0: the event is accepted, and goes where failures go."""
    await world.send("stopped")
    await until(lambda: world.told)
    assert world.told == [("file:bad.jsonl", Condition.ZERO_RESERVED_CONCURRENCY, 0)]
    assert world.deliverer.delivered[0][1].last is None
    assert world.dispatcher.calls == []


async def test_a_loop_is_ended(world: World) -> None:
    """At once, by the recursion guard."""
    world.dispatcher.answers = [RecursiveInvocation(16)]
    await world.send("listed")
    await until(lambda: len(world.told) == 2)
    assert ("file:bad.jsonl", Condition.RECURSIVE_INVOCATION, 0) in world.told


async def test_a_failure_nobody_is_told_of_is_kept(world: World) -> None:
    """To be looked at."""
    world.dispatcher.answers = [BAD, BAD, BAD]
    request_id = await world.send("plain")
    await world.run_until(lambda: world.queue.counts["plain"].async_events_dropped)
    [found] = await world.rest_of(request_id)
    assert found.finished is not None
    assert (found.state, found.finished.condition) == (EventState.FAILED, Condition.RETRIES_EXHAUSTED)


async def test_a_delivery_is_tried_until_it_arrives(world: World) -> None:
    """Only the one that failed."""
    world.dispatcher.answers = [BAD, BAD, BAD]
    world.deliverer.failures = {"file:bad.jsonl": 3}
    request_id = await world.send("listed")
    await world.run_until(lambda: len(world.told) == 2)
    assert [address for address, _, _ in world.told] == [DLQ, "file:bad.jsonl"]
    await world.forgotten(request_id)


async def test_a_delivery_that_never_arrives_is_counted_and_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As dead, with the reason; the other one has arrived."""
    monkeypatch.setattr(rules, "DELIVERY_TRIES", 3)
    world.dispatcher.answers = [BAD, BAD, BAD]
    world.deliverer.failures = {"file:bad.jsonl": 3}
    request_id = await world.send("listed")
    counts = world.queue.counts["listed"]
    await world.run_until(lambda: counts.destination_delivery_failures)
    [found] = await world.rest_of(request_id)
    assert found.finished is not None
    assert (found.state, found.finished.failure) == (EventState.DEAD, "file:bad.jsonl is out of order")
    assert [delivery.address for delivery in found.finished.deliveries] == ["file:bad.jsonl"]
    assert (counts.destination_delivery_failures, counts.dead_letter_errors) == (1, 0)


async def test_a_bug_of_ours_loses_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and counts as a refusal."""
    world.dispatcher.answers = [RuntimeError("bug")]
    await world.send("listed")
    await world.run_until(lambda: world.told)
    assert world.told == [("file:good.jsonl", Condition.SUCCESS, 1)]
    assert "the platform failed at event" in caplog.text


REFUSED: list[tuple[str, bytes, type[InvokeError]]] = [
    ("nobody", b"{}", ResourceNotFound),
    ("plain:prod", b"{}", ResourceNotFound),
    ("plain", b"{", InvalidRequestContent),
    ("plain", b'"%b"' % (b"x" * 1024 * 1024), EventTooLarge),
    ("rented", b"{}", InvalidParameterValue),
]


@pytest.mark.parametrize(("name", "payload", "error"), REFUSED)
async def test_what_is_not_accepted(world: World, name: str, payload: bytes, error: type[InvokeError]) -> None:
    """As a synchronous call of it would be refused, but for the size; and nothing is kept of it."""
    with pytest.raises(error):
        await world.send(name, payload)
    assert list(world.folder.iterdir()) == []


async def test_what_cannot_be_kept_is_not_accepted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender hears of it."""

    async def put(_event: object) -> None:
        raise StoreFailed("events.db: database or disk is full")

    monkeypatch.setattr(world.store, "put", put)
    with pytest.raises(ServiceFailure, match=r"not accepted: events\.db: database or disk is full"):
        await world.send("plain")
    assert world.queue.counts["plain"].async_events_received == 0


async def test_a_result_waits_for_a_full_disk(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is written when there is room again, and the function does not run twice."""
    finish, tries = world.store.finish, 0

    async def full_at_first(finished: FinishedEvent) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreFailed("full")
        await finish(finished)

    monkeypatch.setattr(world.store, "finish", full_at_first)
    await world.send("listed")
    await world.run_until(lambda: world.told)
    assert len(world.dispatcher.calls) == 1
    assert [record.message for record in caplog.records] == [
        "the result of an event cannot be written, trying again: full"
    ]


async def test_one_busy_function_does_not_starve_another(world: World) -> None:
    """Nor a throttled one."""
    busy = asyncio.Event()

    async def answer(function: Function, _invocation: Invocation) -> Outcome:
        if function.name == "plain":
            await busy.wait()
        return GOOD

    world.dispatcher.script = answer
    for _ in range(30):
        await world.send("plain")
    await world.send("listed")
    await until(lambda: world.told)
    assert sum(invocation.invoked_arn.endswith("plain") for invocation in world.dispatcher.calls) == 10
    busy.set()
    await until(lambda: len(world.dispatcher.calls) == 31)


async def test_a_throttled_function_is_not_pressed(world: World) -> None:
    """Hundreds of events wait, and about one a second is tried until it goes again."""

    async def refuse(_function: Function, _invocation: Invocation) -> Exception:
        return THROTTLE

    world.dispatcher.script = refuse
    await asyncio.gather(*[world.send("plain") for _ in range(100)])
    await until(lambda: len(world.dispatcher.calls) == 10)
    await world.pass_s(5)
    assert 12 <= len(world.dispatcher.calls) <= 15


async def test_events_outlive_the_platform(tmp_path: Path, clock: VirtualClock, no_loop_errors: None) -> None:
    """What ran is cut short and runs again with its id, what waited waits on, and what was to be told is told."""
    first = World(tmp_path, clock)
    await first.queue.start(first.deliverer)

    async def never(_function: Function, _invocation: Invocation) -> Outcome:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return await outcome

    first.deliverer.failures = {"file:good.jsonl": 1}
    told = await first.send("listed")
    await until(lambda: not first.deliverer.failures["file:good.jsonl"])
    first.dispatcher.script = never
    cut_short = await first.send("plain")
    await until(lambda: len(first.dispatcher.calls) == 2)
    await first.close()
    with pytest.raises(ServiceFailure, match="shutting down: the event was not accepted"):
        await first.send("plain")
    second = World(tmp_path, clock)
    await second.queue.start(second.deliverer)
    await second.run_until(lambda: second.dispatcher.calls and second.told)
    assert [invocation.request_id for invocation in second.dispatcher.calls] == [cut_short]
    assert [finished.event.request_id for _, finished in second.deliverer.delivered] == [told]
    await second.close()


async def test_what_nobody_serves_any_more_is_kept(world: World) -> None:
    """An alias that is gone may come back before the event is too old."""
    world.dispatcher.answers = [THROTTLE]
    targets = world.dispatcher._routes._targets
    await world.send("listed:once")
    await until(lambda: world.dispatcher.calls)
    gone = targets.pop(("listed", "once"))
    await world.pass_s(10)
    assert len(world.dispatcher.calls) == 1
    targets["listed", "once"] = gone
    await world.run_until(lambda: len(world.dispatcher.calls) == 2)


async def test_what_is_not_served_is_said_at_the_start(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for each function that has events waiting, with what to do; those that only lie there are no matter."""
    world = World(tmp_path, clock)
    await world.store.put(queued(1, "gone"))
    await world.store.put(queued(2, "gone"))
    [event, _] = await world.store.take("gone", 2_000, 2)
    await world.store.finish(failed(event))
    await world.store.put(queued(3, "plain"))
    await world.store.put(queued(4, "old"))
    [event] = await world.store.take("old", 2_000, 1)
    await world.store.finish(failed(event, ()))
    await world.store.close()
    again = World(tmp_path, clock)
    await again.queue.start(again.deliverer)
    await again.close()
    [warning] = [record.getMessage() for record in caplog.records]
    assert warning.startswith("events wait for function gone, which is not served here (2): ")
    assert "pilotlight events purge --function gone" in warning


async def test_time_to_order(tmp_path: Path, clock: VirtualClock, no_loop_errors: None) -> None:
    """Sixty times as fast, a minute is a second; and the event ages as fast."""
    world = World(tmp_path, clock, time_scale=60)
    await world.queue.start(world.deliverer)
    world.dispatcher.answers = [BAD, BAD, BAD]
    await world.send("listed")
    await world.run_until(lambda: world.told)
    assert world.clock.time_ms() - START_MS == 3_000
    await world.close()

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.api.subscription_request import Api
from runtime_api.telemetry.api.subscriptions import Reply, TelemetryApi, TelemetrySettings
from runtime_api.telemetry.events import Event, FunctionLine, InitReport, InitStart, Report, Start
from runtime_api.telemetry.stream import Stream
from tests.runtime_api.telemetry.real_listener import RealListener
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until

OK = Reply(200, b'"OK"')


def body(listener: RealListener, **changes: object) -> bytes:
    """A request for everything."""
    return json.dumps(
        {
            "schemaVersion": "2022-12-13",
            "types": ["platform", "function", "extension"],
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{listener.port}/"},
            **changes,
        }
    ).encode()


class Sandboxed:
    """The APIs of a sandbox, its stream, and all that was ever on it."""

    def __init__(self, clock: VirtualClock, settings: TelemetrySettings) -> None:
        self.clock = clock
        self.stream = Stream(clock)
        self.seen: list[Event] = []
        self.stream.subscribe(self.seen.append)
        self.api = TelemetryApi(self.stream, clock, settings)

    def subscribe(self, listener: RealListener, name: str = "agent", **changes: object) -> Reply:
        """Subscribe to the Telemetry API."""
        return self.api.subscribe(Api.TELEMETRY, name, body(listener, **changes))

    def subscribe_to_logs(self, listener: RealListener, name: str = "agent") -> Reply:
        """Subscribe to the Logs API."""
        return self.api.subscribe(Api.LOGS, name, body(listener, schemaVersion="2021-03-18"))

    def invoke(self, number: int = 1) -> None:
        """What an invocation leaves on the stream."""
        self.stream.publish(Start(f"id-{number}", "$LATEST"))
        self.stream.publish(FunctionLine(b'{"n":%d}\n' % number))
        self.stream.publish(Report(f"id-{number}", OutcomeKind.SUCCESS, 1.0, 1, 128, 36))


Make = Callable[..., Sandboxed]


@pytest.fixture
async def make(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Make]:
    """Make the APIs of a sandbox with these settings."""
    made: list[Sandboxed] = []

    def make(**settings: bool) -> Sandboxed:
        made.append(Sandboxed(clock, TelemetrySettings(**settings)))
        return made[-1]

    yield make
    for sandboxed in made:
        await sandboxed.api.close()
    assert clock.pending == []
    assert all(len(sandboxed.stream._subscribers) == 1 for sandboxed in made)


def types(events: list[dict[str, Any]]) -> list[str]:
    """The events' types."""
    return [event["type"] for event in events]


def refusal(reply: Reply) -> tuple[int, str, str]:
    """Status, type and text of a refusal."""
    error = json.loads(reply.body)
    return reply.status, error["errorType"], error["errorMessage"]


async def test_a_subscriber_gets_everything(make: Make, listener: RealListener) -> None:
    """What was before it subscribed, its own subscription, and what follows, after the timeout, in order."""
    sandboxed = make()
    sandboxed.stream.publish(InitStart("hello", "$LATEST"))
    assert sandboxed.subscribe(listener) == OK
    sandboxed.stream.publish(InitReport(OutcomeKind.SUCCESS, 1.0))
    sandboxed.api.close_subscriptions()
    sandboxed.invoke()
    sandboxed.clock.advance(1000)
    await until(lambda: listener.requests)
    assert types(listener.events) == [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.report",
    ]
    assert listener.events[1]["record"] == {
        "name": "agent",
        "state": "Subscribed",
        "types": ["platform", "function", "extension"],
    }


async def test_several_subscribers_each_get_their_own(
    make: Make, listener: RealListener, tcp_listener: RealListener
) -> None:
    """In their own schema, over their own protocol."""
    sandboxed = make(json_logs=True)
    assert sandboxed.subscribe(listener, "first") == OK
    tcp = {"protocol": "TCP", "port": tcp_listener.port}
    assert sandboxed.subscribe(tcp_listener, "second", destination=tcp, schemaVersion="2022-07-01") == OK
    sandboxed.invoke()
    await sandboxed.api.flush(1000)
    lines = [json.loads(line) for line in tcp_listener.received.splitlines()]
    assert next(event["record"] for event in listener.events if event["type"] == "function") == {"n": 1}
    assert next(event["record"] for event in lines if event["type"] == "function") == '{"n":1}\n'


async def test_the_logs_api_on_the_same_stream(make: Make, listener: RealListener) -> None:
    """With its own words."""
    sandboxed = make()
    assert sandboxed.subscribe_to_logs(listener) == OK
    sandboxed.invoke()
    await sandboxed.api.flush(1000)
    assert types(listener.events) == ["platform.logsSubscription", "platform.start", "function", "platform.report"]


async def test_subscribing_again_changes_nothing(make: Make, listener: RealListener) -> None:
    """It is answered and told, and events still come once."""
    sandboxed = make()
    assert sandboxed.subscribe(listener) == OK
    assert sandboxed.subscribe(listener, types=["function"]) == OK
    sandboxed.invoke()
    await sandboxed.api.flush(1000)
    assert types(listener.events).count("function") == 1
    states = [
        event["record"]["state"] for event in listener.events if event["type"] == "platform.telemetrySubscription"
    ]
    assert states == ["Subscribed", "Already subscribed"]


async def test_one_extension_cannot_use_both(make: Make, listener: RealListener) -> None:
    """Another one may use the other."""
    sandboxed = make()
    assert sandboxed.subscribe(listener) == OK
    assert refusal(sandboxed.subscribe_to_logs(listener)) == (
        400,
        "Logs.ValidationError",
        "extension agent is subscribed to the Telemetry API already, it cannot use the Logs API too",
    )
    assert sandboxed.subscribe_to_logs(listener, "other") == OK


@pytest.mark.parametrize(
    ("api", "error_type"), [(Api.TELEMETRY, "ValidationError"), (Api.LOGS, "Logs.ValidationError")]
)
async def test_an_invalid_request_is_refused(make: Make, api: Api, error_type: str) -> None:
    """And nothing is subscribed, nothing told."""
    sandboxed = make()
    data = b'{"schemaVersion":"2022-07-01","destination":{"protocol":"HTTP","URI":"http://sandbox:1/"},"types":[]}'
    status, made_type, message = refusal(sandboxed.api.subscribe(api, "agent", data))
    assert (status, made_type) == (400, error_type)
    assert "types should not be empty" in message
    assert (sandboxed.seen, sandboxed.api._deliveries) == ([], [])


@pytest.mark.parametrize(
    ("api", "error_type", "message"),
    [
        (Api.TELEMETRY, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already"),
        (Api.LOGS, "Logs.SubscriptionClosed", "Logs API subscription is closed already"),
    ],
)
async def test_nobody_subscribes_after_init(make: Make, api: Api, error_type: str, message: str) -> None:
    """Whatever the request says."""
    sandboxed = make()
    sandboxed.api.close_subscriptions()
    assert refusal(sandboxed.api.subscribe(api, "agent", b"")) == (403, error_type, message)


async def test_without_subscribers_nothing_hangs_on_the_stream(make: Make) -> None:
    """Once init is over."""
    sandboxed = make()
    sandboxed.api.close_subscriptions()
    sandboxed.api.close_subscriptions()
    assert sandboxed.stream._subscribers == [sandboxed.seen.append]


async def test_a_multi_concurrent_sandbox(make: Make, listener: RealListener) -> None:
    """The latest schema only, and no Logs API."""
    sandboxed = make(multi_concurrent=True)
    assert sandboxed.subscribe(listener).status == 400
    assert sandboxed.subscribe(listener, schemaVersion="2025-01-29") == OK
    assert refusal(sandboxed.subscribe_to_logs(listener, "other")) == (
        202,
        "Logs.NotSupported",
        "Logs API is not supported",
    )


async def test_early_events_are_kept_within_bounds(make: Make, listener: RealListener) -> None:
    """The latest are replayed, and it is said that there were more."""
    sandboxed = make()
    for _ in range(30):
        sandboxed.stream.publish(FunctionLine(b"x" * 99_744))
    assert sandboxed.subscribe(listener, buffering={"maxBytes": 1_048_576}) == OK
    await sandboxed.api.flush(1000)
    assert types(listener.events) == ["platform.logsDropped", *["function"] * 10, "platform.telemetrySubscription"]
    assert listener.events[0]["record"]["droppedRecords"] == 20
    assert listener.events[0]["record"]["droppedBytes"] == 2_000_000


async def test_a_dead_listener_does_no_harm(make: Make, listener: RealListener) -> None:
    """Neither to the function nor to the other subscribers, nor to the end of the sandbox."""
    dead = RealListener()
    await dead.open()
    await dead.close()
    sandboxed = make()
    assert sandboxed.subscribe(dead, "dead") == OK
    assert sandboxed.subscribe(listener) == OK
    for number in range(3000):
        sandboxed.invoke(number)
        if number % 100 == 0:
            await asyncio.sleep(0)
    await sandboxed.api.flush(1000)
    assert types(listener.events).count("platform.report") == 3000


async def test_an_end_in_the_middle_of_a_batch(make: Make, listener: RealListener) -> None:
    """A listener that never answers is left behind within the budget."""
    listener.answers = [b""]
    sandboxed = make()
    sandboxed.subscribe(listener)
    flushing = asyncio.ensure_future(sandboxed.api.flush(500))
    await until(lambda: listener.requests)
    sandboxed.clock.advance(500)
    await flushing

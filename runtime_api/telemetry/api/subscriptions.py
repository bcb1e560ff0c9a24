"""The Telemetry API and the Logs API of one sandbox: who is subscribed, and what came before they were.

Strategy: until subscriptions close, every event is kept, within bounds, and given to each new subscriber before what follows. A
subscriber hangs on the stream by itself; when nobody subscribed, nothing is left on it once init is over.
Sources: the Developer Guide's pages telemetry-api, telemetry-api-reference and runtimes-logs-api.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from runtime_api.protocol.clock import Clock
from runtime_api.telemetry.api.delivery import Delivery
from runtime_api.telemetry.api.listeners import listener_of
from runtime_api.telemetry.api.schema import Schema
from runtime_api.telemetry.api.subscription_request import (
    Api,
    InvalidSubscription,
    SubscriptionRequest,
    parse_subscription,
)
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine, LogsSubscription, TelemetrySubscription
from runtime_api.telemetry.stream import Stream

_EARLY_LIMIT_BYTES = 1024 * 1024
# What an event without a line is counted as.
_EVENT_BYTES = 256
_OK = b'"OK"'


class TelemetrySettings(msgspec.Struct, frozen=True):
    """What of the function matters here: whether it logs JSON, and whether its sandboxes are multi-concurrent."""

    json_logs: bool = False
    multi_concurrent: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What the subscriber is answered; the body is JSON."""

    status: int
    body: bytes


class _Error(msgspec.Struct, frozen=True, rename="camel"):
    error_type: str
    error_message: str


_encode = msgspec.json.Encoder().encode


class TelemetryApi:
    """Both APIs behind one sandbox's endpoint. Whoever calls `subscribe` has identified the extension."""

    def __init__(self, stream: Stream, clock: Clock, settings: TelemetrySettings) -> None:
        self._stream = stream
        self._clock = clock
        self._settings = settings
        self._early: EarlyEvents | None = EarlyEvents()
        self._apis: dict[str, Api] = {}
        self._deliveries: list[Delivery] = []
        stream.subscribe(self._early)

    def subscribe(self, api: Api, extension_name: str, body: bytes) -> Reply:
        """Answer a subscription: 200 `"OK"`, 202 where the API is not served here, 400 invalid, 403 after init."""
        if api is Api.LOGS and self._settings.multi_concurrent:
            return _refused(202, "Logs.NotSupported", "Logs API is not supported")
        if self._early is None:
            return _refused(403, _SUBSCRIPTION_CLOSED[api], f"{api.value} subscription is closed already")
        only = Schema.TELEMETRY_2025_01_29 if self._settings.multi_concurrent else None
        try:
            request = parse_subscription(api, body, only=only)
            self._check_api(api, extension_name)
        except InvalidSubscription as problem:
            return _refused(400, _VALIDATION_ERROR[api], str(problem))
        self._accept(api, extension_name, request, self._early)
        return Reply(200, _OK)

    def close_subscriptions(self) -> None:
        """Init is over: nobody subscribes any more, and the early events are forgotten."""
        if self._early is not None:
            self._stream.unsubscribe(self._early)
            self._early = None

    async def flush(self, budget_ms: float) -> None:
        """Send what waits to every subscriber, for no longer than `budget_ms`."""
        await asyncio.gather(*(delivery.flush(budget_ms) for delivery in self._deliveries))

    async def close(self) -> None:
        """End every delivery; what was not flushed is lost."""
        self.close_subscriptions()
        deliveries, self._deliveries = self._deliveries, []
        for delivery in deliveries:
            self._stream.unsubscribe(delivery.offer)
        await asyncio.gather(*(delivery.close() for delivery in deliveries))

    def _check_api(self, api: Api, extension_name: str) -> None:
        used = self._apis.get(extension_name, api)
        if used is not api:
            raise InvalidSubscription(
                f"extension {extension_name} is subscribed to the {used.value} already, it cannot use the {api.value} too"
            )

    def _accept(self, api: Api, name: str, request: SubscriptionRequest, early: EarlyEvents) -> None:
        subscribed = TelemetrySubscription if api is Api.TELEMETRY else LogsSubscription
        if name in self._apis:
            self._stream.publish(subscribed(name, request.streams, "Already subscribed"))
            return
        self._apis[name] = api
        listener = listener_of(request.target)
        delivery = Delivery(request, listener, self._clock, json_logs=self._settings.json_logs)
        self._deliveries.append(delivery)
        early.replay(delivery)
        self._stream.subscribe(delivery.offer)
        self._stream.publish(subscribed(name, request.streams))


class EarlyEvents:
    """The events so far, for who subscribes later: the last megabyte of them."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._dropped_bytes = 0
        self._dropped_records = 0

    def __call__(self, event: Event) -> None:
        self._events.append(event)
        self._bytes += _size(event)
        while self._bytes > _EARLY_LIMIT_BYTES and len(self._events) > 1:
            size = _size(self._events.popleft())
            self._bytes -= size
            self._dropped_bytes += size
            self._dropped_records += 1

    def replay(self, delivery: Delivery) -> None:
        """Give them to a new subscriber, with word of those that are missing."""
        if self._dropped_records:
            delivery.miss(self._dropped_bytes, self._dropped_records)
        for event in self._events:
            delivery.offer(event)


def _size(event: Event) -> int:
    record = event.record
    return len(record.line) + _EVENT_BYTES if isinstance(record, (FunctionLine, ExtensionLine)) else _EVENT_BYTES


_SUBSCRIPTION_CLOSED = {Api.TELEMETRY: "Telemetry.SubscriptionClosed", Api.LOGS: "Logs.SubscriptionClosed"}
_VALIDATION_ERROR = {Api.TELEMETRY: "ValidationError", Api.LOGS: "Logs.ValidationError"}


def _refused(status: int, error_type: str, message: str) -> Reply:
    return Reply(status, _encode(_Error(error_type, message)))

"""The delivery of one subscription: collects, sends in batches, tries again, and never lets its sandbox wait.

Strategy: `offer` is called with each event and only ever adds to a bounded buffer. A batch leaves when one is full, when the oldest item
has waited for the timeout, or when somebody flushes; one is under way at a time. A batch nobody takes after the last try is dropped, and
what was dropped is told in front of the next batch.
Source: the Developer Guide's telemetry-api page.
"""

from __future__ import annotations

import asyncio

from runtime_api.protocol.clock import Clock, Timer
from runtime_api.telemetry.api.batches import Batches
from runtime_api.telemetry.api.listeners import Listener, ListenerGone, NotDelivered
from runtime_api.telemetry.api.schema import LOGS_SCHEMAS, encode_event
from runtime_api.telemetry.api.subscription_request import SubscriptionRequest
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine, LogsDropped, Record

RETRY_FIRST_MS, RETRY_LONGEST_MS = 100.0, 10_000.0
TRIES = 8
# Events are encoded so many at a time: in a row it costs half as much. A long line is not kept waiting.
_RUN, _LONG = 64, 4096
_REASON = "Some logs were dropped because the downstream consumer is slower than the logs production rate"
_REASON_LOGS_API = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."


class Delivery:
    """One subscriber's events on their way to it. `json_logs` is whether the function's log format is JSON."""

    def __init__(
        self, request: SubscriptionRequest, listener: Listener, clock: Clock, *, json_logs: bool = False
    ) -> None:
        self._request = request
        self._listener = listener
        self._clock = clock
        self._json_logs = json_logs
        self._fresh: list[Event] = []
        self._batches = Batches(request.max_items, request.max_bytes)
        self._timer: Timer | None = None
        self._sending: asyncio.Task[None] | None = None
        self._retry: asyncio.Event | None = None
        self._is_due = False
        self._flushing = False
        self._closed = False

    def offer(self, event: Event) -> None:
        """Take an event, when it is of a stream the subscriber wants."""
        record = event.record
        if self._closed or stream_of(record) not in self._request.streams:
            return
        self._fresh.append(event)
        if len(self._fresh) >= _RUN or (isinstance(record, (FunctionLine, ExtensionLine)) and len(record.line) > _LONG):
            self._encode_fresh()
            self._look()
        elif self._timer is None or len(self._batches) + len(self._fresh) >= self._request.max_items:
            # While the timer runs and nothing is full there is nothing to decide.
            self._look()

    def miss(self, size: int, records: int) -> None:
        """Count what is lost already; the subscriber is told with its next batch."""
        self._batches.count_dropped(size, records)

    async def flush(self, budget_ms: float) -> None:
        """Send all that waits now, for no longer than `budget_ms`; a listener that is gone is not waited for."""
        self._flushing = True
        self._look()
        if self._retry is not None:
            self._retry.set()
        timer = self._clock.call_later(budget_ms, self._end_flush)
        while self._flushing and self._sending is not None:
            await asyncio.wait([self._sending])
        timer.cancel()
        self._flushing = False

    async def close(self) -> None:
        """Stop, whatever still waits, and leave nothing open."""
        self._closed = True
        self._stop_timer()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        await self._listener.close()

    def _encode_fresh(self) -> None:
        fresh, self._fresh = self._fresh, []
        for event in fresh:
            for item in encode_event(event, self._request.schema, json_logs=self._json_logs):
                self._batches.add(item)

    def _is_full(self) -> bool:
        return self._batches.is_full or len(self._batches) + len(self._fresh) >= self._request.max_items

    def _look(self) -> None:
        if self._sending is not None or self._closed or not (self._fresh or self._batches):
            return
        if self._is_due or self._flushing or self._is_full():
            self._sending = asyncio.ensure_future(self._send())
        elif self._timer is None:
            self._timer = self._clock.call_later(self._request.timeout_ms, self._due)

    def _due(self) -> None:
        self._timer = None
        self._is_due = True
        self._look()

    def _end_flush(self) -> None:
        self._flushing = False
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self) -> None:
        try:
            while self._is_due or self._flushing or self._is_full():
                self._stop_timer()
                self._is_due = False
                self._encode_fresh()
                if not self._batches:
                    return
                await self._deliver(self._batches.take())
        finally:
            self._sending = None
            self._look()

    async def _deliver(self, batch: list[bytes]) -> None:
        dropped_bytes, dropped_records = self._batches.take_dropped()
        notice = self._notice(dropped_bytes, dropped_records) if dropped_records else []
        if not await self._try_to_send([*notice, *batch]):
            self._batches.count_dropped(dropped_bytes + sum(map(len, batch)), dropped_records + len(batch))

    async def _try_to_send(self, batch: list[bytes]) -> bool:
        delay_ms = RETRY_FIRST_MS
        for tries in range(1, TRIES + 1):
            try:
                await self._listener.send(batch)
                return True
            except NotDelivered as failure:
                if tries == TRIES or (self._flushing and isinstance(failure, ListenerGone)):
                    break
            await self._pause(delay_ms)
            delay_ms = RETRY_FIRST_MS if self._flushing else min(2 * delay_ms, RETRY_LONGEST_MS)
        return False

    def _notice(self, dropped_bytes: int, dropped_records: int) -> list[bytes]:
        schema = self._request.schema
        reason = _REASON_LOGS_API if schema in LOGS_SCHEMAS else _REASON
        return encode_event(Event(self._clock.time_ms(), LogsDropped(dropped_bytes, dropped_records, reason)), schema)

    async def _pause(self, delay_ms: float) -> None:
        self._retry = asyncio.Event()
        timer = self._clock.call_later(delay_ms, self._retry.set)
        try:
            await self._retry.wait()
        finally:
            timer.cancel()
            self._retry = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def stream_of(record: Record) -> str:
    """The stream an event belongs to, in the words of a subscription."""
    if isinstance(record, FunctionLine):
        return "function"
    return "extension" if isinstance(record, ExtensionLine) else "platform"

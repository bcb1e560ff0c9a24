"""The queue of asynchronous invocations: what goes in, and who works on it.

Strategy: an event is accepted when the store has it. From there on two sets of workers move it: one runs it, the other tells of its
end. Each step is written to the store before the next begins, so whatever was not finished when the server ended, however it ended,
begins again at its last step when a server opens the store.
Source: the Developer Guide's page invocation-async.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Container, Mapping

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.attempts import Attempts
from runtime_api.dispatch.events.counts import EventCounts
from runtime_api.dispatch.events.deliverer import Deliverer
from runtime_api.dispatch.events.deliveries import Deliveries
from runtime_api.dispatch.events.lane import Lane
from runtime_api.dispatch.events.store import EventStore, StoreFailed
from runtime_api.dispatch.events.workers import Workers
from runtime_api.dispatch.target import Target
from runtime_api.protocol.asynchronous.event import Delivery, EventState, FinishedEvent, QueuedEvent
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.concurrency import ACCOUNT_LIMIT_DEFAULT
from runtime_api.protocol.function.function_name import FunctionReference
from runtime_api.protocol.invocation import new_request_id
from runtime_api.protocol.invoke.errors import EventTooLarge, ServiceFailure
from runtime_api.protocol.invoke.payload import checked_payload
from runtime_api.protocol.invoke.tenants import check_tenant
from runtime_api.protocol.limits import ASYNC_EVENT_LIMIT_BYTES

# Of a function without reserved concurrency: others need sandboxes, too.
UNRESERVED_AT_ONCE = 10
DELIVERIES_AT_ONCE, DELIVERIES_OF_ONE_FUNCTION = 32, 8
DRAIN_MS = 2_000
REST_MS = 1_000
_logger = logging.getLogger("pilotlight")
_CLOSED = "the platform is shutting down: the event was not accepted"


class EventQueue:
    """Accepts events and has them run, `at_once` at the most. `time_scale` makes their waits and ages so many times as fast."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        store: EventStore,
        clock: Clock,
        time_scale: float = 1.0,
        at_once: int = ACCOUNT_LIMIT_DEFAULT,
    ) -> None:
        self._dispatcher = dispatcher
        self._store = store
        self._clock = clock
        self._time_scale = time_scale
        self._deliverer: Deliverer | None = None
        self._is_closed = False
        self.counts = {function.name: EventCounts() for function in dispatcher.functions}
        attempts = Attempts(dispatcher, store, clock, time_scale, self._on_attempted, self._on_finished)
        self._runners = Workers(store.due_times, store.take, attempts.run, self._lanes(), clock, at_once)
        self._tellers: Workers[FinishedEvent] | None = None

    async def start(self, deliverer: Deliverer) -> None:
        """Open the store, and go on with what is in it; raises ServiceFailure when the store cannot be used."""
        try:
            await self._store.open()
            _warn_of_unserved(await self._store.depths(), self.counts)
        except StoreFailed as error:
            raise ServiceFailure(str(error)) from None
        self._deliverer = deliverer
        deliveries = Deliveries(deliverer, self._store, self._clock, self._time_scale, self._on_undeliverable)
        lanes = [Lane(name, DELIVERIES_OF_ONE_FUNCTION, REST_MS / self._time_scale) for name in self.counts]
        store = self._store
        self._tellers = Workers(
            store.delivery_times, store.take_undelivered, deliveries.run, lanes, self._clock, DELIVERIES_AT_ONCE
        )
        self._runners.start()
        self._tellers.start()
        self._store.on_arrival(self._look)

    async def accept(
        self,
        target: Target,
        payload: bytes,
        request_id: str,
        trace_id: str,
        *,
        tenant_id: str | None = None,
        limit_bytes: int = ASYNC_EVENT_LIMIT_BYTES,
    ) -> None:
        """Take an event in: it is on disk when this returns. Raises InvokeError for what the API refuses, and ServiceFailure."""
        if len(payload) > limit_bytes:
            raise EventTooLarge(len(payload), limit_bytes)
        check_tenant(target.function, tenant_id)
        now_ms = self._clock.time_ms()
        event = QueuedEvent(
            request_id=request_id,
            function_name=target.function.name,
            qualifier=target.qualifier,
            payload=checked_payload(payload),
            trace_id=trace_id,
            tenant_id=tenant_id,
            accepted_ms=now_ms,
            due_ms=now_ms,
        )
        await self._put(event)

    async def send(
        self, reference: FunctionReference, payload: bytes, trace_id: str | None = None, *, tenant_id: str | None = None
    ) -> str:
        """Take an event in that comes from the platform itself; gives its request id. Raises what `accept` raises, and ResourceNotFound."""
        request_id = new_request_id(os.urandom(16))
        target = self._dispatcher.find(reference)
        await self.accept(
            target, payload, request_id, trace_id or self._dispatcher.fresh_trace_id(), tenant_id=tenant_id
        )
        return request_id

    async def _put(self, event: QueuedEvent) -> None:
        if self._is_closed:
            raise ServiceFailure(_CLOSED)
        try:
            await self._store.put(event)
        except StoreFailed as error:
            raise ServiceFailure(f"the event was not accepted: {error}") from None
        self.counts[event.function_name].async_events_received += 1
        self._runners.look()

    async def depths(self) -> dict[tuple[str, EventState], int]:
        """How many events of each function are in each state; raises StoreFailed."""
        return await self._store.depths()

    async def close(self, drain_ms: float = DRAIN_MS) -> None:
        """Accept and start no more, wait so long for what runs; the rest begins again when the store is opened next.

        Harmless when it is closed.
        """
        self._is_closed = True
        end_ms = self._clock.monotonic_ms() + drain_ms
        await self._runners.close(drain_ms)
        if self._tellers is not None:
            await self._tellers.close(end_ms - self._clock.monotonic_ms())
        if self._deliverer is not None:
            await self._deliverer.close()
        await self._store.close()

    def _look(self) -> None:
        self._runners.look()
        if self._tellers is not None:
            self._tellers.look()

    def _lanes(self) -> list[Lane]:
        reserved = {function.name: function.concurrency for function in self._dispatcher.functions}
        return [
            Lane(name, UNRESERVED_AT_ONCE if limit is None else limit, REST_MS / self._time_scale)
            for name, limit in reserved.items()
        ]

    def _on_attempted(self, event: QueuedEvent, age_ms: float) -> None:
        self.counts[event.function_name].async_event_age.observe(age_ms / 1000)

    def _on_finished(self, finished: FinishedEvent) -> None:
        self.counts[finished.event.function_name].finished(finished)
        if finished.deliveries and self._tellers is not None:
            self._tellers.look()

    def _on_undeliverable(self, finished: FinishedEvent, delivery: Delivery) -> None:
        self.counts[finished.event.function_name].undeliverable(delivery)


def _warn_of_unserved(depths: Mapping[tuple[str, EventState], int], served: Container[str]) -> None:
    waiting: Counter[str] = Counter()
    for (function, state), number in depths.items():
        if function not in served and state in (EventState.QUEUED, EventState.UNDELIVERED):
            waiting[function] += number
    for function, number in waiting.items():
        _logger.warning(
            "events wait for function %s, which is not served here (%d): serve it, or forget them with "
            "`pilotlight events purge --function %s`",
            function,
            number,
            function,
        )

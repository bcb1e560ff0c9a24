"""Tells others how an event ended: again after a back-off when that fails, and after the last try the event is kept as dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from runtime_api.dispatch.events.deliverer import Deliverer, DeliveryFailed
from runtime_api.dispatch.events.persistence import until_written
from runtime_api.dispatch.events.store import EventStore
from runtime_api.protocol.asynchronous.event import Delivery, FinishedEvent
from runtime_api.protocol.asynchronous.rules import after_failed_delivery
from runtime_api.protocol.clock import Clock

_logger = logging.getLogger("pilotlight")


class Deliveries:
    """Delivers finished events; `failed` is told of each delivery that was tried in vain for the last time."""

    def __init__(
        self,
        deliverer: Deliverer,
        store: EventStore,
        clock: Clock,
        time_scale: float,
        failed: Callable[[FinishedEvent, Delivery], None],
    ) -> None:
        self._deliverer = deliverer
        self._store = store
        self._clock = clock
        self._time_scale = time_scale
        self._failed = failed

    async def run(self, finished: FinishedEvent) -> bool:
        """Try all that is left of it; whether some of it failed."""
        reasons = await asyncio.gather(*[self._try(finished, delivery) for delivery in finished.deliveries])
        left = [(delivery, reason) for delivery, reason in zip(finished.deliveries, reasons, strict=True) if reason]
        finished = msgspec.structs.replace(
            finished,
            deliveries=tuple(delivery for delivery, _ in left),
            tries=finished.tries + 1,
            failure="; ".join(reason for _, reason in left) or None,
        )
        await self._settle(finished)
        return bool(left)

    async def _try(self, finished: FinishedEvent, delivery: Delivery) -> str | None:
        try:
            await self._deliverer.deliver(finished, delivery)
        except DeliveryFailed as error:
            return str(error) or "it failed"
        except Exception as error:
            _logger.exception("the platform failed to deliver event %s", finished.event.request_id)
            return f"the platform failed: {error!r}"
        return None

    async def _settle(self, finished: FinishedEvent) -> None:
        delay_ms = after_failed_delivery(finished.tries) if finished.deliveries else 0.0
        if delay_ms is not None:
            due_ms = self._clock.time_ms() + delay_ms / self._time_scale
            later = msgspec.structs.replace(finished, due_ms=due_ms)
            await until_written(lambda: self._store.put_off(later), self._clock)
            return
        _logger.error(
            "event %s of %s is kept as dead: %s",
            finished.event.request_id,
            finished.event.function_name,
            finished.failure,
        )
        await until_written(lambda: self._store.bury(finished), self._clock)
        for delivery in finished.deliveries:
            self._failed(finished, delivery)

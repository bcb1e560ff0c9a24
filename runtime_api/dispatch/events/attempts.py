"""One attempt of one event: run the function, and write down what becomes of the event.

The function is looked up at each attempt, so events that wait run on what is served then, by the settings it has then.
Source: the Developer Guide's page invocation-async-error-handling.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.persistence import until_written
from runtime_api.dispatch.events.store import EventStore
from runtime_api.dispatch.target import Target
from runtime_api.protocol.asynchronous import rules
from runtime_api.protocol.asynchronous.event import Condition, FinishedEvent, LastAttempt, QueuedEvent
from runtime_api.protocol.asynchronous.rules import Ended, Retry
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.invoke.errors import InvokeError, RecursiveInvocation, ServiceFailure
from runtime_api.protocol.names import VERSION_LATEST
from runtime_api.protocol.runtime.messages import error_message

_DEFAULTS = EventInvokeConfig()
# Characters, as many as a dead-letter message takes; the answer itself is kept whole.
_MESSAGE_KEPT = 1024
_logger = logging.getLogger("pilotlight")


class Attempts:
    """Runs events. `time_scale` is how much faster than the clock events age and wait.

    `attempted` is told of each attempt that begins, and how old the event is in milliseconds; `finished` of each event that is over.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        store: EventStore,
        clock: Clock,
        time_scale: float,
        attempted: Callable[[QueuedEvent, float], None],
        finished: Callable[[FinishedEvent], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._store = store
        self._clock = clock
        self._time_scale = time_scale
        self._attempted = attempted
        self._finished = finished

    async def run(self, event: QueuedEvent) -> bool:
        """Run it, unless it is too old or its function may not run at all; whether the platform refused it."""
        try:
            target = self._dispatcher.find(event.reference)
        except InvokeError as refusal:
            # Served no more under this name: it may be again before the event is too old.
            await self._refused(event, None, refusal)
            return True
        return await self._run(event, target)

    async def _run(self, event: QueuedEvent, target: Target) -> bool:
        config = config_of(target)
        over = rules.before_attempt(event, config, self._age_ms(event), target.function.concurrency)
        if over is not None:
            await self._end(over, target, None)
            return False
        try:
            last = await self._invoke(event, target)
        except RecursiveInvocation as refusal:
            await self._end(Ended(event, Condition.RECURSIVE_INVOCATION), target, _refusal(refusal))
            return False
        except InvokeError as refusal:
            await self._refused(event, target, refusal)
            return True
        verdict = rules.after_answer(event, config, self._age_ms(event), is_function_error=last.is_function_error)
        await self._settle(verdict, target, last)
        return False

    async def _invoke(self, event: QueuedEvent, target: Target) -> LastAttempt:
        invocation = target.invocation(event.payload, event.request_id, event.trace_id, tenant_id=event.tenant_id)
        self._attempted(event, self._age_ms(event))
        try:
            outcome = await self._dispatcher.invoke(target.function, invocation)
        except InvokeError:
            raise
        except Exception as error:
            _logger.exception("the platform failed at event %s", event.request_id)
            raise ServiceFailure(f"the platform failed: {error!r}") from None
        return LastAttempt(
            status=200,
            response=outcome.body,
            executed_version=target.executed_version,
            is_function_error=outcome.is_function_error,
            error_message=_message_of(outcome.body) if outcome.is_function_error else None,
        )

    async def _refused(self, event: QueuedEvent, target: Target | None, refusal: InvokeError) -> None:
        config = config_of(target) if target else _DEFAULTS
        await self._settle(rules.after_refusal(event, config, self._age_ms(event)), target, _refusal(refusal))

    async def _settle(self, verdict: Retry | Ended, target: Target | None, last: LastAttempt) -> None:
        if isinstance(verdict, Ended):
            await self._end(verdict, target, last)
            return
        due_ms = self._clock.time_ms() + verdict.delay_ms / self._time_scale
        event = msgspec.structs.replace(verdict.event, due_ms=due_ms, reason=last.error_message)
        await until_written(lambda: self._store.retry(event), self._clock)

    async def _end(self, ended: Ended, target: Target | None, last: LastAttempt | None) -> None:
        event, now_ms = ended.event, self._clock.time_ms()
        config = config_of(target) if target else _DEFAULTS
        dead_letter_target = target.function.dead_letter_target if target else None
        finished = FinishedEvent(
            event=event,
            condition=ended.condition,
            finished_ms=now_ms,
            function_arn=self._dispatcher.account.function_arn(event.function_name, event.qualifier or VERSION_LATEST),
            last=last,
            deliveries=rules.deliveries(ended.condition, config, dead_letter_target),
            due_ms=now_ms,
        )
        await until_written(lambda: self._store.finish(finished), self._clock)
        self._finished(finished)

    def _age_ms(self, event: QueuedEvent) -> float:
        return (self._clock.time_ms() - event.accepted_ms) * self._time_scale


def config_of(target: Target) -> EventInvokeConfig:
    """What was set for the alias it was addressed by, else for the version that runs."""
    own = target.alias.event_invoke if target.alias else None
    return own or target.function.event_invoke or _DEFAULTS


def _message_of(body: bytes) -> str | None:
    message = error_message(body)
    return message and message[:_MESSAGE_KEPT]


def _refusal(error: InvokeError) -> LastAttempt:
    return LastAttempt(error.status, error_message=getattr(error, "reason", None) or error.message)

"""Delivers the ends of asynchronous invocations, each to the target its function names.

One call is one try: when to try again, and when that is enough, is the queue's business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from runtime_api.dispatch.destinations.aws import AwsSender, AwsUnavailable
from runtime_api.dispatch.destinations.files import append_record, check_file
from runtime_api.dispatch.destinations.web import WebSender
from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.deliverer import DeliveryFailed
from runtime_api.protocol.asynchronous.event import Delivery, FinishedEvent
from runtime_api.protocol.destinations.aws_messages import dead_letter_message, record_message
from runtime_api.protocol.destinations.cloud_event import cloud_event_headers
from runtime_api.protocol.destinations.configured import Configured, check_not_itself, configured
from runtime_api.protocol.destinations.record import destination_record
from runtime_api.protocol.destinations.targets import (
    FileTarget,
    FunctionTarget,
    HttpTarget,
    Target,
    parse_dead_letter_target,
    parse_target,
)
from runtime_api.protocol.function.function_name import FunctionReference
from runtime_api.protocol.function.invalid_function import InvalidFunction
from runtime_api.protocol.invoke.errors import InvokeError, ServiceFailure
from runtime_api.protocol.invoke.lineage import count_in, lineage_id

_logger = logging.getLogger("pilotlight")
Accept = Callable[[FunctionReference, bytes, str], Awaitable[object]]


class Destinations:
    """Implements `Deliverer` for the functions of a dispatcher.

    `accept` invokes a function asynchronously with a payload and a trace header; `aws_endpoint_url` is where AWS's services are.
    Raises InvalidFunction where a destination is a function that is not served, or the one that names it.
    """

    def __init__(self, dispatcher: Dispatcher, accept: Accept, *, aws_endpoint_url: str | None = None) -> None:
        self._account = dispatcher.account
        self._accept = accept
        self._web = WebSender()
        self._aws = AwsSender(dispatcher.account.region, aws_endpoint_url)
        self._configured = list(configured(dispatcher.functions, dispatcher.aliases))
        for one in self._configured:
            _check_function(one, dispatcher)

    async def check(self) -> None:
        """See that what is named can be used; raises ServiceFailure, which names the function and what is wrong.

        What AWS has and cannot be reached is a warning: a template made for AWS is served all the same, and its events are kept.
        """
        for one in self._configured:
            try:
                await asyncio.to_thread(self._check_target, one.target)
            except OSError as error:
                raise ServiceFailure(f"{one}: {error.strerror}") from None
            except AwsUnavailable as error:
                _logger.warning(
                    "%s: %s; until then deliveries fail, and after the last try the event is kept as dead", one, error
                )

    async def deliver(self, finished: FinishedEvent, delivery: Delivery) -> None:
        """Return once the receiver has it for certain; raises DeliveryFailed."""
        try:
            if delivery.kind == "dead-letter":
                target = parse_dead_letter_target(delivery.address)
                await self._aws.send(target, dead_letter_message(finished, target))
            else:
                await self._send_record(finished, parse_target(delivery.address))
        except OSError as error:
            raise DeliveryFailed(f"{delivery.address}: {error.strerror}") from None
        except (InvalidFunction, InvokeError) as error:
            raise DeliveryFailed(f"{delivery.address}: {error}") from None

    async def close(self) -> None:
        """Close what is open; no delivery is under way."""
        await self._web.close()
        await self._aws.close()

    async def _send_record(self, finished: FinishedEvent, target: Target) -> None:
        if isinstance(target, FileTarget):
            await asyncio.to_thread(append_record, target.path, destination_record(finished))
        elif isinstance(target, HttpTarget):
            await self._web.send(target.url, cloud_event_headers(finished), destination_record(finished))
        elif isinstance(target, FunctionTarget):
            await self._accept(target.reference, destination_record(finished), self._trace(finished))
        else:
            await self._aws.send(target, record_message(finished, target))

    def _trace(self, finished: FinishedEvent) -> str:
        """The trace header as the function had it: functions that are each other's destinations are counted, and stopped."""
        event = finished.event
        own_id = lineage_id(self._account.function_arn(event.function_name))
        return count_in(event.trace_id, own_id, is_loop_allowed=True)

    def _check_target(self, target: Target) -> None:
        if isinstance(target, FileTarget):
            check_file(target.path)
        elif not isinstance(target, HttpTarget | FunctionTarget):
            self._aws.check(target)


def _check_function(one: Configured, dispatcher: Dispatcher) -> None:
    check_not_itself(one)
    target = one.target
    if isinstance(target, FunctionTarget):
        try:
            dispatcher.find(target.reference)
        except InvokeError as error:
            raise InvalidFunction(f"{one}: {error}", one.member) from None

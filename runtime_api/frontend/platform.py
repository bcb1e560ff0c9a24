"""The platform as a Python object: functions in, an endpoint out.

async with Platform([Function(name="hello", task_root="/…/hello", handler="app.handler")]) as platform:
    boto3.client("lambda", endpoint_url=platform.endpoint_url, …)
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from math import inf
from types import TracebackType
from typing import TYPE_CHECKING

from runtime_api.dispatch.destinations.destinations import Destinations
from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.jetstream.store import JetStreamStore
from runtime_api.dispatch.events.queue import DRAIN_MS, EventQueue
from runtime_api.dispatch.events.sqlite_store import SqliteStore
from runtime_api.dispatch.events.store import EventStore
from runtime_api.frontend.gate import Gate, Stage
from runtime_api.protocol.asynchronous.queue_address import QueueAddress, parse_queue_address
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.concurrency import ACCOUNT_LIMIT_DEFAULT, IDLE_TIMEOUT_DEFAULT_MS
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account, parse_reference
from runtime_api.protocol.invocation import Outcome, new_request_id
from runtime_api.protocol.log_sink import LogSink

if TYPE_CHECKING:
    from runtime_api.frontend.front_door import FrontDoor

_logger = logging.getLogger("pilotlight")


class Platform:
    """Serves functions from `async with` to its end; nothing is left running after it.

    `port` 0 takes a free one, None opens no port and leaves `invoke`. `log` is called with a function's name and bytes of log text,
    as they are written; `log_folder` gets a file for each log stream; `xray_daemon` is the HOST:PORT trace segments are sent to. With
    `throttle_streams` streamed answers are as slow as on Lambda: 6 MB at once, then 2 MB a second.
    `concurrency` is the account's: how many invocations may run at once, of all functions together; with `rate_limits`, ten times as many
    may begin in a second. A sandbox that is idle for `idle_timeout_ms` is ended. What is provisioned is ready once entered.

    Asynchronous events are kept in `data_folder`, where the next platform finds what is left; None keeps them as long as this platform.
    With `queue`, `nats://HOST:PORT[,HOST:PORT][/STREAM]`, they are kept there instead, for all platforms that name it.
    With `time_scale` 60, a minute is a second for retries, their back-off, the age of events, deliveries and idle sandboxes.
    `aws_endpoint_url` is where the queues, topics, buses and buckets of destinations are.

    Raises InvalidFunction when made, and InvalidQueueAddress;
    when entered, OSError when the port cannot be had, and ServiceFailure when an interpreter, a layer, an
    isolation, the folder or the daemon's address cannot be used.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        host: str = "127.0.0.1",
        port: int | None = 0,
        account: Account | None = None,
        log: LogSink | None = None,
        log_folder: str | None = None,
        xray_daemon: str | None = None,
        clock: Clock | None = None,
        aliases: Iterable[Alias] = (),
        throttle_streams: bool = False,
        concurrency: int = ACCOUNT_LIMIT_DEFAULT,
        idle_timeout_ms: float | None = IDLE_TIMEOUT_DEFAULT_MS,
        rate_limits: bool = False,
        data_folder: str | None = None,
        time_scale: float = 1.0,
        aws_endpoint_url: str | None = None,
        queue: str | QueueAddress | None = None,
    ) -> None:
        if not 0 < time_scale < inf:
            raise ValueError(f"time_scale {time_scale}: it must be above 0, and finite")
        self._dispatcher = Dispatcher(
            functions,
            account or Account(),
            clock,
            log,
            aliases=aliases,
            log_folder=log_folder,
            xray_daemon=xray_daemon,
            throttle_streams=throttle_streams,
            concurrency=concurrency,
            idle_timeout_ms=None if idle_timeout_ms is None else idle_timeout_ms / time_scale,
            rate_limits=rate_limits,
        )
        self._clock = clock = self._dispatcher.clock
        self._events = EventQueue(self._dispatcher, _store(data_folder, queue, clock), clock, time_scale, concurrency)
        self._gate = Gate()
        self._destinations = Destinations(self._dispatcher, self._events.send, aws_endpoint_url=aws_endpoint_url)
        self._host = host
        self._port = port
        self._front_door: FrontDoor | None = None

    @property
    def endpoint_url(self) -> str:
        """Where clients find the Invoke API, once the platform is entered."""
        # A wildcard is listened on, not called.
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    @property
    def functions(self) -> list[Function]:
        """What is served."""
        return self._dispatcher.functions

    async def __aenter__(self) -> Platform:
        try:
            await self._dispatcher.check()
            await self._destinations.check()
            if self._port is not None:
                await self._open(self._port)
            await self._dispatcher.warm()
            self._gate.reach(Stage.OPENING_QUEUE)
            await self._events.start(self._destinations)
            self._gate.reach(Stage.READY)
        except BaseException:
            await self._close(0)
            raise
        return self

    async def _open(self, port: int) -> None:
        from runtime_api.frontend.front_door import FrontDoor

        self._front_door = FrontDoor(self._dispatcher, self._events, self._gate)
        self._port = await self._front_door.open(self._host, port)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close(DRAIN_MS)

    async def drain(self, timeout_ms: float) -> None:
        """Take no more calls, and return when those under way and the events that run are over, or after so long.

        `/readyz` says so, new calls get a 503, and events that do not end in time are kept to be run again. Then leave the platform:
        what still runs is ended.
        """
        await asyncio.gather(self._gate.drain(self._clock, timeout_ms), self._events.close(timeout_ms))
        if self._gate.inside:
            _logger.warning("still under way after %g s, and ended now: %d calls", timeout_ms / 1000, self._gate.inside)

    async def _close(self, events_ms: float) -> None:
        # 1. Nobody new is let in.
        self._gate.reach(Stage.DRAINING)
        if self._front_door is not None:
            self._front_door.shut()
        try:
            # 2. Events that run may end.
            await self._events.close(events_ms)
        finally:
            # 3. Sandboxes end: callers still waiting get their answer.
            await self._dispatcher.close()
        # 4. The door has nobody to wait for.
        if self._front_door is not None:
            await self._front_door.close()

    async def invoke(
        self,
        name: str,
        payload: bytes = b"",
        *,
        wants_log_tail: bool = False,
        tenant_id: str | None = None,
        wants_stream: bool = False,
    ) -> Outcome:
        """Invoke without HTTP; `name` as callers of the API may write it. Raises InvokeError for what the API would refuse.

        With `wants_stream` an answer that goes on is there when it begins: read the outcome's stream to its end, or abandon it.
        """
        target = self._dispatcher.find(parse_reference(name))
        request_id, trace_id = new_request_id(os.urandom(16)), self._dispatcher.fresh_trace_id()
        invocation = target.invocation(
            payload,
            request_id,
            trace_id,
            tenant_id=tenant_id,
            wants_log_tail=wants_log_tail,
            wants_stream=wants_stream,
        )
        return await self._dispatcher.invoke(target.function, invocation)

    async def invoke_async(
        self, name: str, payload: bytes = b"", *, tenant_id: str | None = None, trace_id: str | None = None
    ) -> str:
        """Hand an event in, and give the request id of its attempts; it is kept when this returns. Raises what `invoke` raises."""
        return await self._events.send(parse_reference(name), payload, trace_id, tenant_id=tenant_id)


def _store(data_folder: str | None, queue: str | QueueAddress | None, clock: Clock) -> EventStore:
    if queue is None:
        return SqliteStore(data_folder)
    return JetStreamStore(parse_queue_address(queue) if isinstance(queue, str) else queue, clock)

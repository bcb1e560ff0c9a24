"""All functions of a platform, a pool for each version."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from random import random as system_random

from runtime_api.dispatch.capacity import Capacity
from runtime_api.dispatch.managed_pool import ManagedPool
from runtime_api.dispatch.pool import Pool
from runtime_api.dispatch.routes import Routes
from runtime_api.dispatch.streams import Streams
from runtime_api.dispatch.target import Target
from runtime_api.dispatch.tenants import TenantPools
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.concurrency import ACCOUNT_LIMIT_DEFAULT, provision, share_out, with_reserved
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account, FunctionReference, check_reachable
from runtime_api.protocol.function.layer import LayerRefused
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke.errors import ServiceFailure, TooManyRequests
from runtime_api.protocol.invoke.trace import new_trace_id
from runtime_api.protocol.log_sink import LogSink
from runtime_api.protocol.metrics import Metrics
from runtime_api.sandbox.clock import SystemClock
from runtime_api.sandbox.isolation.bubblewrap import IsolationUnavailable
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.life import SandboxState
from runtime_api.sandbox.surroundings.runtimes import InterpreterUnusable, interpreter_version
from runtime_api.sandbox.telling.outlets import Outlets

AnyPool = Pool | TenantPools | ManagedPool
_STATES = [state.value for state in SandboxState if state is not SandboxState.ENDED]


class Dispatcher:
    """Finds functions, and has their invocations run.

    `concurrency` is the account's: how many invocations may run at once; with `rate_limits`, ten times as many may begin in a second.
    Sandboxes that are idle for `idle_timeout_ms` are ended; with None they stay. `random` gives numbers from 0 to below 1, for aliases
    that share calls among versions. Raises InvalidFunction where functions and aliases do not fit together, or into the concurrency.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        account: Account,
        clock: Clock | None = None,
        log: LogSink | None = None,
        *,
        aliases: Iterable[Alias] = (),
        log_folder: str | None = None,
        xray_daemon: str | None = None,
        concurrency: int = ACCOUNT_LIMIT_DEFAULT,
        idle_timeout_ms: float | None = None,
        rate_limits: bool = False,
        random: Callable[[], float] = system_random,
        throttle_streams: bool = False,
    ) -> None:
        self.account = account
        self.is_traced = xray_daemon is not None
        self.functions = with_reserved(functions)
        self.aliases = list(aliases)
        self.metrics = Metrics(self.functions)
        self._routes = Routes(self.functions, self.aliases, account, random, self.metrics)
        self._outlets = Outlets(log, log_folder=log_folder, xray_daemon=xray_daemon, metrics=self.metrics)
        self.clock = clock or SystemClock()
        self._places = Places(self.clock)
        self._streams = Streams(self.clock, throttled=throttle_streams)
        provisioned = provision(self.functions, self.aliases)
        self.provisioned = {(one.name, one.version): one.provisioned_concurrency for one in provisioned}
        quotas = share_out(provisioned, concurrency, rate_limits=rate_limits)
        self._capacities = {quota: Capacity(quota, self.clock, idle_timeout_ms) for quota in set(quotas.values())}
        self._pools: dict[tuple[str, str], AnyPool] = {
            (function.name, function.version): self._make_pool(function, self._capacities[quotas[function.name]])
            for function in provisioned
        }

    def find(self, reference: FunctionReference) -> Target:
        """What a caller means; raises ResourceNotFound or AccessDenied. An alias may lead to another version each time."""
        check_reachable(reference, self.account)
        return self._routes.find(reference)

    def fresh_trace_id(self) -> str:
        """A trace header for a caller that sent none; where functions are traced, every such trace is sampled."""
        return new_trace_id(self.clock.time_ms(), os.urandom(20), sampled=self.is_traced)

    async def check(self) -> None:
        """See that all that is named can be used: interpreters, isolations, layers, a log folder, a daemon. Raises ServiceFailure."""
        try:
            await asyncio.to_thread(self._outlets.open)
        except OSError as error:
            raise ServiceFailure(str(error)) from None
        for python in {
            function.python for function in self.functions if function.python and function.runtime == "python"
        }:
            try:
                await asyncio.to_thread(interpreter_version, python)
            except InterpreterUnusable as error:
                raise ServiceFailure(str(error)) from None
        try:
            for function in self.functions:
                await self._places.check(function)
        except (IsolationUnavailable, LayerRefused) as error:
            raise ServiceFailure(str(error)) from None

    async def warm(self) -> None:
        """Have what is provisioned ready."""
        await asyncio.gather(*(pool.warm() for pool in self._pools.values()))

    async def invoke(self, function: Function, invocation: Invocation) -> Outcome:
        """Run an invocation of a function `find` gave; raises TooManyRequests or ServiceFailure.

        Where it wants a stream, this returns once the answer begins. Whoever has the outcome then reads its stream, or abandons it.
        """
        if invocation.wants_stream:
            return await self._streams.open(self._invoke(function, invocation))
        return await self._invoke(function, invocation)

    async def _invoke(self, function: Function, invocation: Invocation) -> Outcome:
        try:
            return await self._pools[function.name, function.version].invoke(invocation)
        except TooManyRequests:
            self.metrics.of(function).throttles += 1
            raise
        except (InterpreterUnusable, IsolationUnavailable, LayerRefused) as error:
            raise ServiceFailure(str(error)) from None
        except OSError as error:
            raise ServiceFailure(f"no sandbox can be made: {error.strerror}") from None

    def sandboxes(self) -> dict[tuple[str, str], dict[str, int]]:
        """How many sandboxes of each version are in each state of their life, by the states' names."""
        found = {version: pool.states() for version, pool in self._pools.items()}
        return {version: {state: states[state] for state in _STATES} for version, states in found.items()}

    async def close(self) -> None:
        """Stop every sandbox of every function."""
        for capacity in self._capacities.values():
            capacity.close()
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        await self._places.close()
        self._outlets.close()

    def _make_pool(self, function: Function, capacity: Capacity) -> AnyPool:
        if function.max_concurrency is not None:
            return ManagedPool(function, self.account, self.clock, self._places, capacity, self._outlets)

        def pool() -> Pool:
            return Pool(function, self.account, self.clock, self._places, capacity, self._outlets)

        return TenantPools(function, capacity, pool) if function.tenant_isolation else pool()

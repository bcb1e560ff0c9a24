"""All functions of a platform, each with its pool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from runtime_api.dispatch.managed_pool import ManagedPool
from runtime_api.dispatch.pool import Pool
from runtime_api.dispatch.tenants import TenantPools
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function import Function, InvalidFunction
from runtime_api.protocol.function_name import Account, FunctionReference, check_reachable
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke_errors import ResourceNotFound, ServiceFailure
from runtime_api.protocol.layer import LayerRefused
from runtime_api.protocol.log_sink import LogSink
from runtime_api.protocol.names import VERSION_LATEST
from runtime_api.sandbox.clock import SystemClock
from runtime_api.sandbox.isolation.bubblewrap import IsolationUnavailable
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.outlets import Outlets
from runtime_api.sandbox.runtimes import InterpreterUnusable, interpreter_version

AnyPool = Pool | TenantPools | ManagedPool


class Dispatcher:
    """Finds functions, and has their invocations run. Raises InvalidFunction when two functions share a name."""

    def __init__(
        self,
        functions: Iterable[Function],
        account: Account,
        clock: Clock | None = None,
        log: LogSink | None = None,
        *,
        log_folder: str | None = None,
        xray_daemon: str | None = None,
    ) -> None:
        self.account = account
        self.is_traced = xray_daemon is not None
        self._outlets = Outlets(log, log_folder=log_folder, xray_daemon=xray_daemon)
        clock = clock or SystemClock()
        self._places = Places(clock)
        self._pools: dict[str, AnyPool] = {}
        for function in functions:
            if function.name in self._pools:
                raise InvalidFunction(f"two functions are called {function.name!r}: rename one")
            self._pools[function.name] = _make_pool(function, account, clock, self._places, self._outlets)

    @property
    def functions(self) -> list[Function]:
        """Every function served, in the order given."""
        return [pool.function for pool in self._pools.values()]

    def find(self, reference: FunctionReference) -> Function:
        """The function a caller means; raises ResourceNotFound or AccessDenied."""
        check_reachable(reference, self.account)
        pool = self._pools.get(reference.name)
        if pool is None or reference.qualifier not in (None, VERSION_LATEST):
            arn = self.account.function_arn(reference.name, reference.qualifier or VERSION_LATEST)
            raise ResourceNotFound(f"Function not found: {arn}")
        return pool.function

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

    async def invoke(self, function: Function, invocation: Invocation) -> Outcome:
        """Run an invocation of a function `find` gave; raises TooManyRequests or ServiceFailure."""
        try:
            return await self._pools[function.name].invoke(invocation)
        except (InterpreterUnusable, IsolationUnavailable, LayerRefused) as error:
            raise ServiceFailure(str(error)) from None
        except OSError as error:
            raise ServiceFailure(f"no sandbox can be made: {error.strerror}") from None

    async def close(self) -> None:
        """Stop every sandbox of every function."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        await self._places.close()
        self._outlets.close()


def _make_pool(function: Function, account: Account, clock: Clock, places: Places, outlets: Outlets) -> AnyPool:
    if function.tenant_isolation:
        return TenantPools(function, lambda has_room: Pool(function, account, clock, places, outlets, has_room))
    if function.max_concurrency is not None:
        return ManagedPool(function, account, clock, places, outlets)
    return Pool(function, account, clock, places, outlets)

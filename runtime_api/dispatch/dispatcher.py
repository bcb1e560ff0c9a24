"""All functions of a platform, each with its pool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from runtime_api.dispatch.pool import Pool
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function import Function, InvalidFunction
from runtime_api.protocol.function_name import Account, FunctionReference, check_reachable
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke_errors import ResourceNotFound, ServiceFailure
from runtime_api.protocol.log_sink import LogSink
from runtime_api.protocol.names import VERSION_LATEST
from runtime_api.sandbox.clock import SystemClock
from runtime_api.sandbox.runtimes import InterpreterUnusable, interpreter_version


class Dispatcher:
    """Finds functions, and has their invocations run. Raises InvalidFunction when two functions share a name."""

    def __init__(
        self,
        functions: Iterable[Function],
        account: Account,
        clock: Clock | None = None,
        log: LogSink | None = None,
    ) -> None:
        self.account = account
        self._pools: dict[str, Pool] = {}
        for function in functions:
            if function.name in self._pools:
                raise InvalidFunction(f"two functions are called {function.name!r}: rename one")
            self._pools[function.name] = Pool(function, account, clock or SystemClock(), log)

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
        """See that every interpreter that is named can be used; raises ServiceFailure."""
        for python in {
            function.python for function in self.functions if function.python and function.runtime == "python"
        }:
            try:
                await asyncio.to_thread(interpreter_version, python)
            except InterpreterUnusable as error:
                raise ServiceFailure(str(error)) from None

    async def invoke(self, function: Function, invocation: Invocation) -> Outcome:
        """Run an invocation of a function `find` gave; raises TooManyRequests or ServiceFailure."""
        try:
            return await self._pools[function.name].invoke(invocation)
        except InterpreterUnusable as error:
            raise ServiceFailure(str(error)) from None
        except OSError as error:
            raise ServiceFailure(f"no sandbox can be made: {error.strerror}") from None

    async def close(self) -> None:
        """Stop every sandbox of every function."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

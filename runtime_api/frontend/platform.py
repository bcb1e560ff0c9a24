"""The platform as a Python object: functions in, an endpoint out.

async with Platform([Function(name="hello", task_root="/…/hello", handler="app.handler")]) as platform:
    boto3.client("lambda", endpoint_url=platform.endpoint_url, …)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from types import TracebackType

from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.frontend.app import make_app
from runtime_api.frontend.door import Door
from runtime_api.frontend.invoke import InvokeApi, fresh_trace_id
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function import Function
from runtime_api.protocol.function_name import Account, parse_reference
from runtime_api.protocol.invocation import Invocation, Outcome, new_request_id
from runtime_api.protocol.log_sink import LogSink
from runtime_api.protocol.payload import checked_payload
from runtime_api.protocol.tenants import check_tenant


class Platform:
    """Serves functions from `async with` to its end; nothing is left running after it.

    `port` 0 takes a free one, None opens no port and leaves `invoke`. `log` is called with a function's name and bytes of log text,
    as they are written; `log_folder` gets a file for each log stream; `xray_daemon` is the HOST:PORT trace segments are sent to. Raises
    InvalidFunction when made; when entered, OSError when the port cannot be had, and ServiceFailure when an interpreter, a layer, an
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
    ) -> None:
        self._dispatcher = Dispatcher(
            functions, account or Account(), clock, log, log_folder=log_folder, xray_daemon=xray_daemon
        )
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._door: Door | None = None
        self._runner: web.AppRunner | None = None

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
            if self._port is not None:
                await self._open(self._port)
        except BaseException:
            await self._dispatcher.close()
            raise
        return self

    async def _open(self, port: int) -> None:
        api = InvokeApi(self._dispatcher)
        runner = web.AppRunner(
            make_app(api),
            access_log=None,
            auto_decompress=False,
            max_line_size=65_536,
            max_field_size=65_536,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        assert runner.server is not None
        self._runner, self._door = runner, Door(api, runner.server)
        try:
            self._server = await asyncio.get_running_loop().create_server(self._door.accept, self._host, port)
        except BaseException:
            await runner.cleanup()
            raise
        self._port = self._server.sockets[0].getsockname()[1]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Sandboxes first: callers still waiting get their answer, and then the door has nobody to wait for.
        if self._server is not None:
            self._server.close()
        await self._dispatcher.close()
        if self._door is not None and self._runner is not None:
            await self._door.close()
            await self._runner.cleanup()

    async def invoke(
        self, name: str, payload: bytes = b"", *, wants_log_tail: bool = False, tenant_id: str | None = None
    ) -> Outcome:
        """Invoke without HTTP; `name` as callers of the API may write it. Raises InvokeError for what the API would refuse."""
        reference = parse_reference(name)
        function = self._dispatcher.find(reference)
        check_tenant(function, tenant_id)
        invocation = Invocation(
            new_request_id(os.urandom(16)),
            checked_payload(payload),
            self._dispatcher.account.function_arn(function.name, reference.qualifier),
            fresh_trace_id(sampled=self._dispatcher.is_traced),
            tenant_id=tenant_id,
            wants_log_tail=wants_log_tail,
        )
        return await self._dispatcher.invoke(function, invocation)

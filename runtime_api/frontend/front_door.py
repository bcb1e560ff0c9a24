"""The front door as a whole: the port, who looks at new connections, and the application behind.

It is in a file of its own because the HTTP framework takes three times as long to load as everything else: a platform without a port
has no use for it.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.queue import EventQueue
from runtime_api.frontend.app import make_app, server_log
from runtime_api.frontend.door import Door
from runtime_api.frontend.gate import Gate
from runtime_api.frontend.invoke import InvokeApi
from runtime_api.frontend.management.routes import add_management_routes
from runtime_api.frontend.url.function_urls import FunctionUrls
from runtime_api.frontend.url.routes import add_url_routes

# How many callers may connect at the same moment; who finds no room tries again a second later.
_BACKLOG = 1024


class FrontDoor:
    """Invoke, function URLs and management on one port. Entered by `open`, left by `shut` and then `close`."""

    def __init__(self, dispatcher: Dispatcher, events: EventQueue, gate: Gate) -> None:
        self._api = InvokeApi(dispatcher, events, gate)
        urls = FunctionUrls(dispatcher, gate)
        app = make_app(self._api)
        add_management_routes(app, gate, dispatcher, events, urls)
        add_url_routes(app, urls)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=server_log(),
            auto_decompress=False,
            max_line_size=65_536,
            max_field_size=65_536,
            shutdown_timeout=0.1,
        )
        self._door: Door | None = None
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; the port, which 0 leaves to the system. Raises OSError."""
        await self._runner.setup()
        assert self._runner.server is not None
        self._door = Door(self._api, self._runner.server)
        self._server = await asyncio.get_running_loop().create_server(self._door.accept, host, port, backlog=_BACKLOG)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def shut(self) -> None:
        """Let nobody new in."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """Let the answers that are ready go out, and close every connection."""
        if self._door is not None:
            await self._door.close()
        await self._runner.cleanup()

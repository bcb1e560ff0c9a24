"""What those ask who look after the server: is it alive, does it take calls, how is it doing."""

from __future__ import annotations

import asyncio

from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.queue import EventQueue
from runtime_api.frontend.gate import Gate, Stage
from runtime_api.frontend.management.numbers import Numbers
from runtime_api.frontend.url.function_urls import FunctionUrls


def add_management_routes(
    app: web.Application, gate: Gate, dispatcher: Dispatcher, events: EventQueue, urls: FunctionUrls
) -> None:
    """Have an application answer `/healthz`, `/readyz` and `/metrics`, at every stage of the platform."""

    async def readyz(_request: web.Request) -> web.Response:
        return _readiness(gate)

    async def metrics(request: web.Request) -> web.Response:
        numbers = await Numbers.gather(dispatcher, events, urls)
        body, content_type = await asyncio.to_thread(_written, numbers, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _readiness(gate: Gate) -> web.Response:
    stage = gate.stage
    said = {"status": stage.name.lower(), "reason": stage.value, "calls_under_way": gate.inside}
    return web.json_response(said, status=200 if stage is Stage.READY else 503)


def _written(numbers: Numbers, accept: str) -> tuple[bytes, str]:
    # It takes 50 ms to import, and most servers are never asked.
    from runtime_api.frontend.management.exposition import write

    return write(numbers, accept)

"""How requests to URLs leave the way of all others: by the beginning of their path, or by their host."""

from __future__ import annotations

from aiohttp import web

from runtime_api.frontend.app import Handler
from runtime_api.frontend.url.function_urls import FunctionUrls
from runtime_api.protocol.url.address import find_address


def add_url_routes(app: web.Application, urls: FunctionUrls) -> None:
    """Have an application answer them. By middleware, as the router takes paths apart and these stay as they were sent."""

    @web.middleware
    async def to_urls(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = find_address(request.raw_path, request.headers.get("Host", ""))
        return await handler(request) if address is None else await urls.answer(request, address)

    app.middlewares.append(to_urls)

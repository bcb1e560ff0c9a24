"""All URLs of a platform, and whose each one is."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Iterable

from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.frontend.gate import Gate
from runtime_api.frontend.url.exchange import Exchange, Url
from runtime_api.frontend.url.sending import Reply, whole
from runtime_api.frontend.url.url_tally import UrlTally
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import FunctionReference
from runtime_api.protocol.invocation import new_request_id
from runtime_api.protocol.names import HEADER_CALLER_REQUEST_ID, VERSION_LATEST
from runtime_api.protocol.url.address import UrlAddress
from runtime_api.protocol.url.refusals import UNKNOWN_URL


class FunctionUrls:
    """Answers requests to URLs; the request id made here is the one the function sees. `tallies` are by function and alias."""

    def __init__(self, dispatcher: Dispatcher, gate: Gate) -> None:
        self._dispatcher = dispatcher
        self._gate = gate
        self._urls = _declared(dispatcher.functions, dispatcher.aliases)
        self.tallies = {(url.reference.name, url.reference.qualifier): UrlTally() for url in self._urls.values()}

    async def answer(self, request: web.Request, address: UrlAddress) -> web.StreamResponse:
        """Answer a request to an address."""
        request_id = new_request_id(os.urandom(16))
        key = (address.name, address.alias)
        url = self._urls.get(key) or self._urls.get(_without_capitals(*key))
        reply = Reply(request, [(HEADER_CALLER_REQUEST_ID, request_id)])
        if url is None:
            return whole(reply, UNKNOWN_URL)
        exchange = Exchange(self._dispatcher, self._gate, url, address, request_id, reply)
        return await self._count(url, exchange.run())

    async def _count(self, url: Url, answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        tally, began_s = self.tallies[url.reference.name, url.reference.qualifier], time.monotonic()
        tally.requests += 1
        status = 500
        try:
            response = await answering
            status = response.status
            return response
        except (ConnectionError, asyncio.CancelledError):
            # The caller left.
            status = 0
            raise
        finally:
            tally.answered(status, time.monotonic() - began_s)


def _declared(functions: Iterable[Function], aliases: Iterable[Alias]) -> dict[tuple[str, str | None], Url]:
    """Every URL by function and alias, as they are written and without capitals; the first wins where that makes two the same."""
    found = [
        *(
            Url(FunctionReference(function.name, None), function.url)
            for function in functions
            if function.url is not None and function.version == VERSION_LATEST
        ),
        *(Url(FunctionReference(alias.function_name, alias.name), alias.url) for alias in aliases if alias.url),
    ]
    urls = {_without_capitals(url.reference.name, url.reference.qualifier): url for url in reversed(found)}
    return urls | {(url.reference.name, url.reference.qualifier): url for url in found}


def _without_capitals(name: str, alias: str | None) -> tuple[str, str | None]:
    return name.lower(), alias and alias.lower()

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runtime_api.dispatch.destinations.web import WebSender
from runtime_api.dispatch.events.deliverer import DeliveryFailed

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def receiver() -> AsyncIterator[Serve]:
    """Starts a server around a handler, and gives its URL."""
    running: list[TestServer] = []

    async def serve(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        running.append(server)
        return str(server.make_url("/ends"))

    yield serve
    for server in running:
        await server.close()


@pytest.fixture
async def sender() -> AsyncIterator[WebSender]:
    """A sender that is closed after the test."""
    sender = WebSender()
    yield sender
    await sender.close()


async def test_a_record_is_posted(receiver: Serve, sender: WebSender) -> None:
    """With its headers, its body untouched."""
    seen: list[tuple[str, str | None, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.method, request.headers.get("ce-id"), await request.read()))
        return web.Response(status=202)

    await sender.send(await receiver(take), {"ce-id": "7", "Content-Type": "application/json"}, b'{"a": 1}')
    assert seen == [("POST", "7", b'{"a": 1}')]


@pytest.mark.parametrize("status", [302, 307, 404, 429, 500])
async def test_only_2xx_is_a_delivery(receiver: Serve, sender: WebSender, status: int) -> None:
    """A redirect is not followed: where it leads was not configured."""
    calls: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    url = await receiver(refuse)
    with pytest.raises(DeliveryFailed, match=f"answered {status}"):
        await sender.send(url, {}, b"{}")
    assert calls == ["/ends"]


async def test_nobody_there_is_a_failure(sender: WebSender) -> None:
    """Told by the address."""
    with pytest.raises(DeliveryFailed, match=r"http://127\.0\.0\.1:1"):
        await sender.send("http://127.0.0.1:1", {}, b"{}")


async def test_a_receiver_that_says_nothing_is_a_failure(
    receiver: Serve, sender: WebSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time is over."""
    over = asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    url = await receiver(wait)
    monkeypatch.setattr("runtime_api.dispatch.destinations.web._LIMIT_S", 0.05)
    with pytest.raises(DeliveryFailed, match="Timeout"):
        await sender.send(url, {}, b"{}")
    over.set()


async def test_a_header_cannot_bring_another(receiver: Serve, sender: WebSender) -> None:
    """What would is refused before anything is sent."""
    with pytest.raises(DeliveryFailed):
        await sender.send("http://127.0.0.1:1", {"ce-id": "a\r\nX: y"}, b"{}")

"""Sends answers. A stream that breaks off ends the connection without an end of the body, so that nobody takes it for whole."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator

import msgspec
from aiohttp import HttpVersion11, web

from runtime_api.protocol.invoke.response_stream import ResponseStream
from runtime_api.protocol.url.answer import UnusableAnswer, UrlAnswer, usable
from runtime_api.protocol.url.prelude import Prelude, is_http_integration
from runtime_api.protocol.url.request import Pairs

_BODILESS = (204, 304)
_RESET = struct.pack("ii", 1, 0)


class Reply(msgspec.Struct, frozen=True):
    """Where an answer goes, and the headers it gets on the way beside its own."""

    request: web.Request
    headers: Pairs


def whole(reply: Reply, answer: UrlAnswer) -> web.Response:
    """An answer that is all there, ready to be sent."""
    body = b"" if answer.status in _BODILESS else answer.body
    return web.Response(status=answer.status, reason=answer.reason, headers=_headers(reply, answer), body=body)


async def send_stream(reply: Reply, stream: ResponseStream, failed: UrlAnswer) -> web.StreamResponse:
    """Send an answer as it comes; `failed` when it fails before it begins. Raises UnusableAnswer for a head that is none."""
    pieces = aiter(stream)
    try:
        head = await _beginning(stream.content_type, pieces)
        if head is not None:
            return await _pass_on(reply, head, pieces, stream)
        ended = await stream.end()
        return whole(reply, failed if ended.is_function_error else _empty(stream.content_type))
    finally:
        stream.abandon()


async def _beginning(content_type: str, pieces: AsyncIterator[bytes]) -> UrlAnswer | None:
    """The head of a streamed answer and the first of its body; None when the stream is over before."""
    prelude = Prelude() if is_http_integration(content_type) else None
    async for piece in pieces:
        head = prelude.feed(piece) if prelude else _plain(content_type, piece)
        if head is not None:
            return head
    return None


async def _pass_on(
    reply: Reply, head: UrlAnswer, pieces: AsyncIterator[bytes], stream: ResponseStream
) -> web.StreamResponse:
    response = web.StreamResponse(status=head.status, headers=_headers(reply, head))
    await response.prepare(reply.request)
    if reply.request.method == "HEAD" or head.status in _BODILESS:
        return response
    if head.body:
        await response.write(head.body)
    async for piece in pieces:
        await response.write(piece)
    if (await stream.end()).is_function_error:
        _cut_off(reply.request)
    return response


def _cut_off(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    if request.version >= HttpVersion11:
        transport.close()
    else:
        # Before chunks the end of a connection was the end of a body: only a reset says otherwise.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()


def _empty(content_type: str) -> UrlAnswer:
    if is_http_integration(content_type):
        raise UnusableAnswer("the stream ended in its head")
    return _plain(content_type, b"")


def _plain(content_type: str, body: bytes) -> UrlAnswer:
    return UrlAnswer(200, usable([("Content-Type", content_type)]), body)


def _headers(reply: Reply, answer: UrlAnswer) -> Pairs:
    return [*answer.headers, *reply.headers]

"""One request to one URL, from its head to its answer.

Strategy: the rules are in `protocol.url`. Here the request is read, the function invoked, and the answer sent, whole or as a stream.
The function runs to its end whether or not its caller waits.
"""

from __future__ import annotations

import logging
import time

import msgspec
from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.frontend.app import read_body
from runtime_api.frontend.gate import Gate
from runtime_api.frontend.url.sending import Reply, send_stream, whole
from runtime_api.protocol.function.function_name import FunctionReference
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.errors import InvokeError, RequestTooLarge
from runtime_api.protocol.invoke.request import read_trace_id
from runtime_api.protocol.limits import EVENT_LIMIT_BYTES
from runtime_api.protocol.names import HEADER_CALLER_TRACE_ID
from runtime_api.protocol.url.address import UrlAddress
from runtime_api.protocol.url.answer import UnusableAnswer, UrlAnswer
from runtime_api.protocol.url.cors import cors_headers, is_preflight, preflight_headers
from runtime_api.protocol.url.fronts.catalogue import FRONTS
from runtime_api.protocol.url.outcome import read_outcome
from runtime_api.protocol.url.refusals import UNSIGNED, UPGRADE_REFUSED, refused
from runtime_api.protocol.url.request import Pairs, UrlRequest
from runtime_api.protocol.url.signature import access_key_of

_logger = logging.getLogger("pilotlight")


class Url(msgspec.Struct, frozen=True):
    """A URL and whose it is."""

    reference: FunctionReference
    config: UrlConfig


class Exchange:
    """One request to one URL. It passes the gate once its body is here: a caller that is slow to send it holds up no drain."""

    def __init__(
        self, dispatcher: Dispatcher, gate: Gate, url: Url, address: UrlAddress, request_id: str, reply: Reply
    ) -> None:
        self._dispatcher = dispatcher
        self._gate = gate
        self._reference = url.reference
        self._config = url.config
        self._front = FRONTS[url.config.format]
        self._address = address
        self._request_id = request_id
        self._reply = reply
        self._request = reply.request
        self._headers: Pairs = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self._request.raw_headers
        ]

    async def run(self) -> web.StreamResponse:
        """Answer it, whatever comes of it."""
        cors = self._config.cors
        if cors is not None and is_preflight(self._request.method, self._headers):
            self._reply.headers.extend(preflight_headers(cors, self._headers))
            return whole(self._reply, UrlAnswer(200, [], b""))
        if cors is not None:
            self._reply.headers.extend(cors_headers(cors, self._headers))
        try:
            return await self._invoke()
        except InvokeError as error:
            return whole(self._reply, refused(error))
        except UnusableAnswer as error:
            _logger.warning("%s: %s", self._address.domain_name, error)
            return whole(self._reply, self._front.failed)

    async def _invoke(self) -> web.StreamResponse:
        trace_id = read_trace_id(self._request.headers) or self._dispatcher.fresh_trace_id()
        received = self._received(trace_id)
        if self._config.auth_type == "AWS_IAM" and received.access_key is None:
            return whole(self._reply, UNSIGNED)
        if _takes_over(self._request):
            return whole(self._reply, UPGRADE_REFUSED)
        body = await read_body(self._request)
        if body is None:
            raise RequestTooLarge
        event = self._front.make_event(msgspec.structs.replace(received, body=body))
        if len(event) > EVENT_LIMIT_BYTES:
            raise RequestTooLarge
        with self._gate:
            return await self._send(await self._run(event, trace_id))

    async def _run(self, event: bytes, trace_id: str) -> Outcome:
        target = self._dispatcher.find(self._reference)
        wants_stream = self._config.invoke_mode == "RESPONSE_STREAM"
        invocation = target.invocation(event, self._request_id, trace_id, wants_stream=wants_stream)
        self._reply.headers.append((HEADER_CALLER_TRACE_ID, invocation.trace_id))
        return await self._dispatcher.invoke(target.function, invocation)

    async def _send(self, outcome: Outcome) -> web.StreamResponse:
        if outcome.stream is not None:
            return await send_stream(self._reply, outcome.stream, self._front.failed)
        return whole(self._reply, read_outcome(outcome, self._front, self._config.invoke_mode))

    def _received(self, trace_id: str) -> UrlRequest:
        request = self._request
        received = UrlRequest(
            address=self._address,
            account=self._dispatcher.account,
            request_id=self._request_id,
            trace_id=trace_id,
            time_ms=time.time() * 1000,
            method=request.method,
            headers=self._headers,
            source_ip=request.remote or "",
            scheme=request.scheme,
            port=_port_of(request),
            protocol=f"HTTP/{request.version.major}.{request.version.minor}",
        )
        if self._config.auth_type == "NONE":
            return received
        return msgspec.structs.replace(received, access_key=access_key_of(self._headers, received.query))


def _takes_over(request: web.Request) -> bool:
    return request.method == "CONNECT" or request.headers.get("Upgrade", "").lower() == "websocket"


def _port_of(request: web.Request) -> int:
    if request.transport is None:
        raise ConnectionResetError("the caller left")
    port: int = request.transport.get_extra_info("sockname")[1]
    return port

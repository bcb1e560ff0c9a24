"""The Invoke API over HTTP: a request becomes an `Invocation`, an `Outcome` becomes a response.

Source: Invoke in the Lambda API reference.
"""

from __future__ import annotations

import base64
import os
import time
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.protocol import names
from runtime_api.protocol.function_name import parse_reference
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke_errors import InvokeError, RequestTooLarge
from runtime_api.protocol.invoke_request import read_options
from runtime_api.protocol.limits import EVENT_LIMIT_BYTES
from runtime_api.protocol.payload import checked_payload
from runtime_api.protocol.trace import new_trace_id

INVOKE_PATH = "/2015-03-31/functions/{name}/invocations"


class InvokeApi:
    """Answers synchronous invocations; the request id made here is the one the function sees and the log prints."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def invoke(self, request: web.Request) -> web.Response:
        """POST /2015-03-31/functions/{name}/invocations"""
        request_id = str(uuid4())
        try:
            return await self._invoke(request, request_id)
        except InvokeError as error:
            return error_response(error, request_id)

    async def _invoke(self, request: web.Request, request_id: str) -> web.Response:
        payload = await _read_body(request)
        reference = parse_reference(_name_in(request), request.query.get("Qualifier"))
        function = self._dispatcher.find(reference)
        options = read_options(request.headers)
        if payload is None:
            raise RequestTooLarge
        invocation = Invocation(
            request_id,
            checked_payload(payload),
            self._dispatcher.account.function_arn(function.name, reference.qualifier),
            options.trace_id or fresh_trace_id(),
            client_context=options.client_context,
            tenant_id=options.tenant_id,
            wants_log_tail=options.wants_log_tail,
        )
        if options.dry_run:
            return web.Response(status=204, headers={names.HEADER_CALLER_REQUEST_ID: request_id})
        return _response(invocation, await self._dispatcher.invoke(function, invocation))


async def _read_body(request: web.Request) -> bytes | None:
    """The body; None when it is larger than an event may be. It is read to its end either way, so that its sender hears the answer."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size <= EVENT_LIMIT_BYTES:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks) if size <= EVENT_LIMIT_BYTES else None


def fresh_trace_id() -> str:
    """A trace id for a caller that sent none."""
    return new_trace_id(time.time() * 1000, os.urandom(20))


def _name_in(request: web.Request) -> str:
    # From the raw path: an ARN arrives percent-encoded, and nothing may be normalised on the way.
    return unquote(request.raw_path.partition("?")[0].split("/")[3])


def _response(invocation: Invocation, outcome: Outcome) -> web.Response:
    headers = {
        "Content-Type": names.CONTENT_TYPE_JSON,
        names.HEADER_CALLER_REQUEST_ID: invocation.request_id,
        names.HEADER_EXECUTED_VERSION: invocation.version,
        names.HEADER_CALLER_TRACE_ID: invocation.trace_id,
        names.HEADER_REMAPPED_LENGTH: "0",
    }
    if outcome.is_function_error:
        headers[names.HEADER_FUNCTION_ERROR] = "Unhandled"
    if outcome.log_tail is not None:
        headers[names.HEADER_LOG_RESULT] = base64.b64encode(outcome.log_tail).decode()
    return web.Response(body=outcome.body, headers=headers)


def error_response(error: InvokeError, request_id: str) -> web.Response:
    """A refusal as the service words it, with the exception's full name: SDKs look for that."""
    headers = {
        "Content-Type": names.CONTENT_TYPE_JSON,
        names.HEADER_CALLER_REQUEST_ID: request_id,
        names.HEADER_API_ERROR_TYPE: error.exception,
        **error.headers,
    }
    return web.Response(status=error.status, body=error.body, headers=headers)

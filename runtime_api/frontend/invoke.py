"""The Invoke API: a call becomes an `Invocation`, an `Outcome` becomes an answer.

Source: Invoke, InvokeAsync and InvokeWithResponseStream in the Lambda API reference.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qs, unquote

import msgspec

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.queue import EventQueue
from runtime_api.dispatch.target import Target
from runtime_api.frontend.event_stream import EventStream
from runtime_api.frontend.gate import Gate
from runtime_api.protocol import names
from runtime_api.protocol.function.function_name import FunctionReference, parse_reference
from runtime_api.protocol.invocation import Invocation, Outcome, new_request_id
from runtime_api.protocol.invoke import event_stream
from runtime_api.protocol.invoke.errors import InvokeError, RequestTooLarge
from runtime_api.protocol.invoke.request import INVOKE_TYPES, STREAM_TYPES, InvokeOptions, read_options
from runtime_api.protocol.limits import ASYNC_EVENT_LIMIT_BYTES, INVOKE_ASYNC_LIMIT_BYTES

FUNCTIONS_PATH = "/2015-03-31/functions/"
INVOKE_PATH = FUNCTIONS_PATH + "{name}/invocations"
_OLD_PATH = "/2014-11-13/functions/"
INVOKE_ASYNC_PATH = _OLD_PATH + "{name}/invoke-async"
_STREAMS_PATH = "/2021-11-15/functions/"
STREAM_PATH = _STREAMS_PATH + "{name}/response-streaming-invocations"


class Answer(msgspec.Struct, frozen=True):
    """What goes back to a caller, whatever carries it there."""

    status: int
    headers: dict[str, str]
    body: bytes


class InvokeApi:
    """Answers invocations that pass the gate; the request id made here is the one the function sees and the log prints."""

    def __init__(self, dispatcher: Dispatcher, events: EventQueue, gate: Gate) -> None:
        self._dispatcher = dispatcher
        self._events = events
        self.gate = gate

    async def answer(self, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer:
        """Answer `POST target`, a raw path with its query. `payload` is None when it was too large to keep. Never raises InvokeError."""
        request_id = new_request_id(os.urandom(16))
        try:
            with self.gate:
                return await self._invoke(request_id, target, headers, payload)
        except InvokeError as error:
            return refusal(error, request_id)

    async def invoke_async(self, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer:
        """Answer InvokeAsync, the old operation: an event is accepted, and may be a quarter as large. Never raises InvokeError."""
        request_id = new_request_id(os.urandom(16))
        try:
            with self.gate:
                called = self._dispatcher.find(_reference_in(target, _OLD_PATH))
                options = read_options(headers)
                return await self._accept(request_id, called, options, payload, INVOKE_ASYNC_LIMIT_BYTES)
        except InvokeError as error:
            return refusal(error, request_id)

    async def stream(self, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer | EventStream:
        """Answer InvokeWithResponseStream: with a stream once the function's answer begins, or with a refusal before it.

        Whoever sends the stream has entered the gate, and stays inside until its end.
        """
        request_id = new_request_id(os.urandom(16))
        try:
            return await self._stream(request_id, target, headers, payload)
        except InvokeError as error:
            return refusal(error, request_id)

    async def _invoke(self, request_id: str, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer:
        called = self._dispatcher.find(_reference_in(target, FUNCTIONS_PATH))
        options = read_options(headers, INVOKE_TYPES)
        if options.is_asynchronous:
            return await self._accept(request_id, called, options, payload, ASYNC_EVENT_LIMIT_BYTES)
        invocation = self._invocation(request_id, called, options, payload)
        if options.dry_run:
            return _dry_run(request_id)
        return _answer(invocation, await self._dispatcher.invoke(called.function, invocation))

    async def _accept(
        self, request_id: str, called: Target, options: InvokeOptions, payload: bytes | None, limit_bytes: int
    ) -> Answer:
        """202 once it is on disk. There is nobody to send a log tail to, and no client context without a client."""
        if payload is None:
            raise RequestTooLarge
        trace_id = options.trace_id or self._dispatcher.fresh_trace_id()
        await self._events.accept(
            called, payload, request_id, trace_id, tenant_id=options.tenant_id, limit_bytes=limit_bytes
        )
        headers = {names.HEADER_CALLER_REQUEST_ID: request_id, names.HEADER_CALLER_TRACE_ID: trace_id}
        return Answer(202, headers, b"")

    async def _stream(
        self, request_id: str, target: str, headers: Mapping[str, str], payload: bytes | None
    ) -> Answer | EventStream:
        called = self._dispatcher.find(_reference_in(target, _STREAMS_PATH))
        options = read_options(headers, STREAM_TYPES)
        invocation = self._invocation(request_id, called, options, payload, wants_stream=True)
        if options.dry_run:
            return _dry_run(request_id)
        outcome = await self._dispatcher.invoke(called.function, invocation)
        return EventStream({"Content-Type": event_stream.CONTENT_TYPE, **_headers(invocation)}, outcome)

    def _invocation(
        self,
        request_id: str,
        called: Target,
        options: InvokeOptions,
        payload: bytes | None,
        *,
        wants_stream: bool = False,
    ) -> Invocation:
        if payload is None:
            raise RequestTooLarge
        return called.invocation(
            payload,
            request_id,
            options.trace_id or self._dispatcher.fresh_trace_id(),
            client_context=options.client_context,
            tenant_id=options.tenant_id,
            wants_log_tail=options.wants_log_tail,
            wants_stream=wants_stream,
        )


@lru_cache(maxsize=1024)
def _reference_in(target: str, prefix: str) -> FunctionReference:
    # From the raw path: an ARN arrives percent-encoded, and nothing may be normalised on the way.
    # A client that speaks as to a proxy sends the whole URL.
    path, _, query = target[max(target.find(prefix), 0) :].partition("?")
    qualifier = parse_qs(query, keep_blank_values=True).get("Qualifier", [None])[0] if query else None
    return parse_reference(unquote(path.split("/")[3]), qualifier)


def _dry_run(request_id: str) -> Answer:
    return Answer(204, {names.HEADER_CALLER_REQUEST_ID: request_id}, b"")


def _headers(invocation: Invocation) -> dict[str, str]:
    return {
        names.HEADER_CALLER_REQUEST_ID: invocation.request_id,
        names.HEADER_EXECUTED_VERSION: invocation.version,
        names.HEADER_CALLER_TRACE_ID: invocation.trace_id,
    }


def _answer(invocation: Invocation, outcome: Outcome) -> Answer:
    headers = {
        "Content-Type": names.CONTENT_TYPE_JSON,
        **_headers(invocation),
        names.HEADER_REMAPPED_LENGTH: "0",
    }
    if outcome.is_function_error:
        headers[names.HEADER_FUNCTION_ERROR] = "Unhandled"
    if outcome.log_tail is not None:
        headers[names.HEADER_LOG_RESULT] = base64.b64encode(outcome.log_tail).decode()
    return Answer(200, headers, outcome.body)


def refusal(error: InvokeError, request_id: str) -> Answer:
    """A refusal as the service words it, with the exception's full name: SDKs look for that."""
    headers = {
        "Content-Type": names.CONTENT_TYPE_JSON,
        names.HEADER_CALLER_REQUEST_ID: request_id,
        names.HEADER_API_ERROR_TYPE: error.exception,
        **error.headers,
    }
    return Answer(error.status, headers, error.body)

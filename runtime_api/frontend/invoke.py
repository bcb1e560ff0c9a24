"""The Invoke API: a call becomes an `Invocation`, an `Outcome` becomes an answer.

Source: Invoke in the Lambda API reference.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qs, unquote

import msgspec

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.protocol import names
from runtime_api.protocol.function_name import FunctionReference, parse_reference
from runtime_api.protocol.invocation import Invocation, Outcome, new_request_id
from runtime_api.protocol.invoke_errors import InvokeError, RequestTooLarge
from runtime_api.protocol.invoke_request import read_options
from runtime_api.protocol.payload import checked_payload
from runtime_api.protocol.tenants import check_tenant
from runtime_api.protocol.trace import new_trace_id

FUNCTIONS_PATH = "/2015-03-31/functions/"
INVOKE_PATH = FUNCTIONS_PATH + "{name}/invocations"


class Answer(msgspec.Struct, frozen=True):
    """What goes back to a caller, whatever carries it there."""

    status: int
    headers: dict[str, str]
    body: bytes


class InvokeApi:
    """Answers synchronous invocations; the request id made here is the one the function sees and the log prints."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def answer(self, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer:
        """Answer `POST target`, a raw path with its query. `payload` is None when it was too large to keep. Never raises InvokeError."""
        request_id = new_request_id(os.urandom(16))
        try:
            return await self._invoke(request_id, target, headers, payload)
        except InvokeError as error:
            return refusal(error, request_id)

    async def _invoke(self, request_id: str, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer:
        reference = _reference_in(target)
        function = self._dispatcher.find(reference)
        options = read_options(headers)
        check_tenant(function, options.tenant_id)
        if payload is None:
            raise RequestTooLarge
        invocation = Invocation(
            request_id,
            checked_payload(payload),
            self._dispatcher.account.function_arn(function.name, reference.qualifier),
            options.trace_id or fresh_trace_id(sampled=self._dispatcher.is_traced),
            client_context=options.client_context,
            tenant_id=options.tenant_id,
            wants_log_tail=options.wants_log_tail,
        )
        if options.dry_run:
            return Answer(204, {names.HEADER_CALLER_REQUEST_ID: request_id}, b"")
        return _answer(invocation, await self._dispatcher.invoke(function, invocation))


@lru_cache(maxsize=1024)
def _reference_in(target: str) -> FunctionReference:
    # From the raw path: an ARN arrives percent-encoded, and nothing may be normalised on the way.
    # A client that speaks as to a proxy sends the whole URL.
    path, _, query = target[max(target.find(FUNCTIONS_PATH), 0) :].partition("?")
    qualifier = parse_qs(query, keep_blank_values=True).get("Qualifier", [None])[0] if query else None
    return parse_reference(unquote(path.split("/")[3]), qualifier)


def fresh_trace_id(*, sampled: bool) -> str:
    """A trace id for a caller that sent none; where functions are traced, every such trace is `sampled`."""
    return new_trace_id(time.time() * 1000, os.urandom(20), sampled=sampled)


def _answer(invocation: Invocation, outcome: Outcome) -> Answer:
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

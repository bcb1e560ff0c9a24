"""What became of an invocation, as an answer of the URL it was made at: for outcomes that are all there."""

from __future__ import annotations

from runtime_api.protocol.function.url_config import InvokeMode
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.names import CONTENT_TYPE_JSON, CONTENT_TYPE_STREAM
from runtime_api.protocol.url.answer import NotJson, UrlAnswer, usable
from runtime_api.protocol.url.fronts.front import Front
from runtime_api.protocol.url.prelude import is_http_integration, read_collected


def read_outcome(outcome: Outcome, front: Front, invoke_mode: InvokeMode) -> UrlAnswer:
    """The answer; raises UnusableAnswer. A streamed answer that was collected has its head, or is sent as it is."""
    if outcome.is_function_error:
        return front.failed
    if is_http_integration(outcome.content_type):
        return read_collected(outcome.body)
    if invoke_mode == "RESPONSE_STREAM":
        # As recorded: where streams are expected, what a function returns is not looked into.
        return UrlAnswer(200, [("Content-Type", CONTENT_TYPE_STREAM)], outcome.body)
    try:
        return front.read_answer(outcome.body)
    except NotJson:
        if outcome.content_type == CONTENT_TYPE_JSON:
            raise
        return UrlAnswer(200, usable([("Content-Type", outcome.content_type)]), outcome.body)

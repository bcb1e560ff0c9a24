"""Loop: one invocation after another, each answered once, whatever the handler does."""

import os
import sys

from .client import HEADER_CONTENT_TYPE, HEADER_TRACE_ID, JSON
from .context import LambdaContext
from .errors import ErrorReport, log_to_stdout
from .payload import Marshaller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import Invocation, RuntimeClient
    from .handler import Handler

ENV_TRACE_ID = "_X_AMZN_TRACE_ID"


def run(client: "RuntimeClient", handler: "Handler", marshaller: Marshaller) -> None:
    """Serve until the process ends: by SandboxError, by a signal, or by the handler's own sys.exit()."""
    while True:
        answer(client.next(), handler, marshaller)


def answer(invocation: "Invocation", handler: "Handler", marshaller: Marshaller) -> None:
    """Call the handler and post what came of it; SystemExit goes on once it is reported."""
    try:
        _set_trace_id(invocation.header(HEADER_TRACE_ID))
        context = LambdaContext(invocation)
        event = marshaller.unmarshal_request(invocation.body, invocation.header(HEADER_CONTENT_TYPE) or JSON)
        body, content_type = marshaller.marshal_response(handler(event, context))
    except BaseException as error:  # an invocation without an answer would cost the caller the whole timeout
        _report(invocation, error, marshaller)
        if isinstance(error, SystemExit):
            raise
    else:
        flush_output()
        invocation.respond(body, content_type)


def flush_output() -> None:
    """Hand over what the function printed: once an answer is posted the process may be frozen."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except Exception:
            continue  # the function closed it, removed it or put something else in its place


def _report(invocation: "Invocation", error: BaseException, marshaller: Marshaller) -> None:
    report = ErrorReport.of(error)
    log_to_stdout(report)
    flush_output()
    body = report.body(marshaller.to_json, invocation.request_id)
    cause = report.cause(Marshaller(ascii_only=True).to_json)  # it travels in a header
    invocation.fail(body, report.error_type, cause)


def _set_trace_id(trace_id: str) -> None:
    if trace_id:
        os.environ[ENV_TRACE_ID] = trace_id
    else:
        os.environ.pop(ENV_TRACE_ID, None)

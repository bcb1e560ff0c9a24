"""Loop: one invocation after another, each answered once, whatever the handler does."""

import sys

from .client import HEADER_CONTENT_TYPE, JSON, require_answer
from .context import LambdaContext
from .current import enter
from .logs import flush_output, log_error
from .payload import Marshaller
from .report import TRAILER_BYTES_MAX, ErrorReport, body_bytes_max

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .client import Invocation, LambdaRuntimeClient
    from .handler import Handler


def run(client: "LambdaRuntimeClient", handler: "Handler") -> None:
    """Serve until the process ends: by SandboxError, by a signal, or by the handler's own sys.exit()."""
    package: Any = sys.modules[__package__ or ""]
    while True:
        package.handle_event_request(client, handler, client.next())  # monitoring tools replace it


def handle_event_request(
    lambda_runtime_client: "LambdaRuntimeClient", request_handler: "Handler", invocation: "Invocation"
) -> None:
    """Call the handler and post what came of it; SystemExit goes on once it is reported."""
    context = None
    try:
        context = LambdaContext(invocation)
        enter(context)
        marshaller = lambda_runtime_client.marshaller
        event = marshaller.unmarshal_request(invocation.body, invocation.header(HEADER_CONTENT_TYPE) or JSON)
        if not invocation.keeps_body:
            invocation.body = b""  # up to 6 MiB that nobody needs any more
        result = request_handler(event, context)
        if not invocation.is_streaming:
            body, content_type = marshaller.marshal_response(result)
            if marshaller is not lambda_runtime_client.error_marshaller:
                require_answer(body, content_type)  # the function has put its own in place
    except BaseException as error:  # an invocation without an answer would cost the caller the whole timeout
        _report(invocation, error, lambda_runtime_client.error_marshaller)
        if isinstance(error, SystemExit):
            _finish(context)
            raise
    else:
        flush_output()
        if invocation.is_streaming:
            invocation.end_stream()
        else:
            invocation.respond(body, content_type)
    _finish(context)


def _finish(context: "LambdaContext | None") -> None:
    """Do what the function has put off until the answer is out."""
    if context is not None and context._after_response:
        from .hooks.lifecycle import run_after_response  # few functions ask for it

        run_after_response(context)


def _report(invocation: "Invocation", error: BaseException, marshaller: Marshaller) -> None:
    report = ErrorReport.of(error)
    log_error(report, invocation.request_id)
    flush_output()
    bytes_max = TRAILER_BYTES_MAX if invocation.is_streaming else body_bytes_max()
    body = report.body(marshaller.to_json, invocation.request_id, bytes_max)
    cause = report.cause(Marshaller(ascii_only=True).to_json)  # it travels in a header
    invocation.fail(body, report.error_type, cause)

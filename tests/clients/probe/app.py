"""The function the callers of these tests meet: it says what reached it, or does what the event says."""

import os
from typing import Any


def handler(event: Any, context: Any) -> Any:  # noqa: ANN401  (any JSON; the context's class is the runtime's own)
    """Report what was seen."""
    if isinstance(event, dict) and event.get("do") == "raise":
        raise LookupError("no such bird: kestrel")
    if isinstance(event, dict) and event.get("do") == "exit":
        os._exit(3)
    print(f"saw request {context.aws_request_id}")
    client = context.client_context
    return {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "custom": client.custom if client else None,
    }

"""The function the peers run: the event says what to do."""

import itertools
import os
import threading
from typing import Any

_calls = itertools.count(1)


def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401  (each client has a class of its own)
    """Do as told; by default say what was seen."""
    number = next(_calls)
    match event.get("do"):
        case "raise":
            raise KeyError("no such bird: kestrel")
        case "exit":
            os._exit(3)
        case "hang":
            threading.Event().wait()
    return {"event": event, "call": number, "pid": os.getpid(), "request_id": context.aws_request_id}

"""A destination record as a CloudEvent in HTTP's binary mode: the body is the record itself, the headers tell what it is.

The type is `com.amazonaws.lambda.invocation.success` or `….failure`, the id that of the request: a record that is sent again has the
same, so a receiver can tell. Source: the CloudEvents specification 1.0 and its HTTP protocol binding.
"""

from __future__ import annotations

from runtime_api.protocol.asynchronous.event import FinishedEvent
from runtime_api.protocol.names import CONTENT_TYPE_JSON
from runtime_api.protocol.timestamps import iso_time

_TYPE = "com.amazonaws.lambda.invocation"


def cloud_event_headers(finished: FinishedEvent) -> dict[str, str]:
    """The headers of the POST."""
    return {
        "Content-Type": CONTENT_TYPE_JSON,
        "ce-specversion": "1.0",
        "ce-id": finished.event.request_id,
        "ce-source": finished.function_arn,
        "ce-type": f"{_TYPE}.{'success' if finished.succeeded else 'failure'}",
        "ce-time": iso_time(finished.finished_ms),
    }

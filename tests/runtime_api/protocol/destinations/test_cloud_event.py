from __future__ import annotations

from runtime_api.protocol.destinations.cloud_event import cloud_event_headers
from tests.runtime_api.protocol.destinations.ends import ARN, EVENT, failed, succeeded


def test_the_headers_say_what_the_body_is() -> None:
    """CloudEvents 1.0 in binary mode; the id is the request's, so what comes twice can be told."""
    assert cloud_event_headers(succeeded()) == {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": EVENT.request_id,
        "ce-source": ARN,
        "ce-type": "com.amazonaws.lambda.invocation.success",
        "ce-time": "2025-11-24T23:11:08.123Z",
    }
    assert cloud_event_headers(failed())["ce-type"] == "com.amazonaws.lambda.invocation.failure"

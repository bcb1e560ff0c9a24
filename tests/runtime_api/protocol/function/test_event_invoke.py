from __future__ import annotations

from typing import Any

import pytest

from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.invalid_function import InvalidFunction


@pytest.mark.parametrize(
    ("members", "message", "member"),
    [
        (
            {"maximum_retry_attempts": 3},
            "maximum retry attempts 3: it must be between 0 and 2",
            "maximum_retry_attempts",
        ),
        (
            {"maximum_event_age_ms": 59_999},
            "maximum event age 59999 ms: it must be between 60000 and 21600000 ms",
            "maximum_event_age_ms",
        ),
        (
            {"on_success": "arn:aws:rds:us-east-1:123456789012:db:x"},
            "The destination ARN arn:aws:rds:us-east-1:123456789012:db:x is invalid.",
            "on_success",
        ),
        (
            {"on_success": "arn:aws:s3:::bucket"},
            "destination arn:aws:s3:::bucket: S3 takes what failed only, name it on failure",
            "on_success",
        ),
        (
            {"on_failure": "arn:aws:sqs:us-east-1:123456789012:q.fifo"},
            "arn:aws:sqs:us-east-1:123456789012:q.fifo: a FIFO queue or topic cannot be used here, only a standard one",
            "on_failure",
        ),
    ],
)
def test_what_is_refused(members: dict[str, Any], message: str, member: str) -> None:
    """The service's limits, and the member that is beyond one."""
    with pytest.raises(InvalidFunction) as refused:
        EventInvokeConfig(**members)
    assert (str(refused.value), refused.value.member) == (message, member)


def test_the_edges_are_allowed() -> None:
    """The ends of each range belong to it, and S3 takes failures."""
    EventInvokeConfig(maximum_retry_attempts=0, maximum_event_age_ms=60_000, on_failure="arn:aws:s3:::bucket")
    EventInvokeConfig(maximum_retry_attempts=2, maximum_event_age_ms=21_600_000, on_success="file:done.jsonl")

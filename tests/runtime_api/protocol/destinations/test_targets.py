from __future__ import annotations

import pytest

from runtime_api.protocol.destinations.targets import (
    BucketTarget,
    BusTarget,
    FileTarget,
    FunctionTarget,
    HttpTarget,
    QueueTarget,
    Target,
    TopicTarget,
    parse_dead_letter_target,
    parse_target,
)
from runtime_api.protocol.function.function_name import FunctionReference
from runtime_api.protocol.function.invalid_function import InvalidFunction

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders-failed"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders"
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/default"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:ship:live"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (QUEUE, QueueTarget("eu-west-1", "123456789012", "orders-failed")),
        (TOPIC, TopicTarget("eu-west-1", TOPIC)),
        (BUS, BusTarget("eu-west-1", BUS)),
        ("arn:aws:s3:::failed.orders", BucketTarget("failed.orders")),
        (FUNCTION, FunctionTarget(FunctionReference("ship", "live", "eu-west-1", "123456789012"))),
        ("ship", FunctionTarget(FunctionReference("ship", None))),
        ("ship:2", FunctionTarget(FunctionReference("ship", "2"))),
        ("file:out.jsonl", FileTarget("out.jsonl")),
        ("file:///var/out.jsonl", FileTarget("/var/out.jsonl")),
        ("./out.jsonl", FileTarget("./out.jsonl")),
        ("/var/out.jsonl", FileTarget("/var/out.jsonl")),
        ("http://127.0.0.1:8080/a?b=c", HttpTarget("http://127.0.0.1:8080/a?b=c")),
        ("https://example.com", HttpTarget("https://example.com")),
    ],
)
def test_every_form_is_read(text: str, target: Target) -> None:
    """An ARN by its service, the rest by how it begins; a name alone is a function's."""
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (QUEUE + ".fifo", "FIFO"),
        (TOPIC + ".fifo", "FIFO"),
        ("arn:aws:sqs:eu-west-1::orders", "invalid"),
        ("arn:aws:sqs:eu-west-1:123456789012:a b", "invalid"),
        ("arn:aws:sns:eu-west-1:123456789012:topic:subscription", "invalid"),
        ("arn:aws:events:eu-west-1:123456789012:rule/x", "invalid"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/x", "invalid"),
        ("arn:aws:s3:::bucket/key", "invalid"),
        ("arn:aws:sqs:eu-west-1:123456789012:" + "q" * 330, "invalid"),
        ("arn:", "invalid"),
        ("http://", "not a URL"),
        ("http://host:port/", "not a URL"),
        ("http://host/a\r\nX: y", "not a URL"),
        ("file:", "no file"),
        ("folder/", "no file"),
        ("a\0/b", "no file"),
        ("", "use the name of a function"),
        ("no such form", "use the name of a function"),
    ],
)
def test_what_nothing_can_be_delivered_to_is_refused(text: str, reason: str) -> None:
    """With the reason, and what could be there instead."""
    with pytest.raises(InvalidFunction, match=reason):
        parse_target(text)


def test_a_dead_letter_goes_to_a_queue_or_a_topic_only() -> None:
    """As in Lambda; a file or function can be the destination of failures."""
    assert parse_dead_letter_target(QUEUE) == QueueTarget("eu-west-1", "123456789012", "orders-failed")
    assert parse_dead_letter_target(TOPIC) == TopicTarget("eu-west-1", TOPIC)
    for text in (BUS, "arn:aws:s3:::bucket", FUNCTION, "./out.jsonl", "ship"):
        with pytest.raises(InvalidFunction, match="SQS queue or an SNS topic"):
            parse_dead_letter_target(text)

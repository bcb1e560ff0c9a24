from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest

from runtime_api.dispatch.destinations.aws import AwsSender, AwsUnavailable
from runtime_api.dispatch.events.deliverer import DeliveryFailed
from runtime_api.protocol.destinations.aws_messages import dead_letter_message, object_key, record_message
from runtime_api.protocol.destinations.record import destination_record
from runtime_api.protocol.destinations.targets import (
    AwsTarget,
    BucketTarget,
    BusTarget,
    QueueTarget,
    TopicTarget,
    parse_target,
)
from tests.runtime_api.protocol.destinations.ends import TRACE, failed, succeeded

Aws = Callable[[str], Any]
ACCOUNT = "123456789012"


@pytest.fixture
async def sender(aws: Aws, aws_url: str) -> AsyncIterator[AwsSender]:
    """A sender that calls the services on this machine."""
    sender = AwsSender("us-east-1", aws_url)
    yield sender
    await sender.close()


def new_queue(aws: Aws) -> tuple[QueueTarget, Callable[[], list[Any]]]:
    """A queue, and how to read what is in it."""
    name = f"q-{uuid4()}"
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]

    def messages() -> list[Any]:
        wanted = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"], "MaxNumberOfMessages": 10}
        return list(aws("sqs").receive_message(QueueUrl=url, **wanted).get("Messages", []))

    return QueueTarget("us-east-1", ACCOUNT, name), messages


async def test_a_queue(aws: Aws, sender: AwsSender) -> None:
    """Gets records with their trace, and dead letters with their attributes."""
    queue, messages = new_queue(aws)
    await sender.send(queue, record_message(succeeded(), queue))
    [message] = messages()
    assert message["Body"].encode() == destination_record(succeeded())
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    await sender.send(queue, dead_letter_message(failed(), queue))
    [letter] = messages()
    assert letter["Body"] == '{"id": 1}'
    values = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert values == {"RequestID": failed().event.request_id, "ErrorCode": "200", "ErrorMessage": "no stock"}
    assert letter["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"


async def test_a_topic(aws: Aws, sender: AwsSender) -> None:
    """Tells its subscribers of records and dead letters."""
    topic = aws("sns").create_topic(Name=f"t-{uuid4()}")["TopicArn"]
    queue, messages = new_queue(aws)
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.name}")
    target = parse_target(topic)
    assert isinstance(target, TopicTarget)
    await sender.send(target, record_message(failed(), target))
    await sender.send(target, dead_letter_message(failed(), target))
    told = [json.loads(message["Body"]) for message in messages()]
    assert [one["Message"].encode() for one in told] == [destination_record(failed()), b'{"id": 1}']
    assert told[1]["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}


async def test_an_event_bus(aws: Aws, sender: AwsSender) -> None:
    """Has its rules match the record by source and detail type."""
    queue, messages = new_queue(aws)
    events = aws("events")
    bus = BusTarget("us-east-1", events.create_event_bus(Name=f"b-{uuid4()}")["EventBusArn"])
    pattern = {"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Success"]}
    events.put_rule(Name="ends", EventBusName=bus.arn, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.name}"
    events.put_targets(Rule="ends", EventBusName=bus.arn, Targets=[{"Id": "queue", "Arn": arn}])
    await sender.send(bus, record_message(succeeded(), bus))
    [message] = messages()
    told = json.loads(message["Body"])
    assert told["detail"] == json.loads(destination_record(succeeded()))
    assert told["resources"] == [bus.arn, succeeded().function_arn]


async def test_a_bucket(aws: Aws, sender: AwsSender) -> None:
    """Gets an object with the record."""
    bucket = BucketTarget(f"b-{uuid4()}")
    aws("s3").create_bucket(Bucket=bucket.name)
    await sender.send(bucket, record_message(failed(), bucket))
    found = aws("s3").get_object(Bucket=bucket.name, Key=object_key(failed()))
    assert (found["Body"].read(), found["ContentType"]) == (destination_record(failed()), "application/json")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (QueueTarget("us-east-1", ACCOUNT, "nobody"), "nobody"),
        (TopicTarget("us-east-1", f"arn:aws:sns:us-east-1:{ACCOUNT}:nobody"), "NotFound"),
        (BucketTarget("nobody"), "NoSuchBucket"),
    ],
    ids=["queue", "topic", "bucket"],
)
async def test_what_is_not_there_is_named(sender: AwsSender, target: AwsTarget, reason: str) -> None:
    """In the service's words."""
    with pytest.raises(DeliveryFailed, match=reason):
        await sender.send(target, record_message(failed(), target))


async def test_an_entry_that_was_not_taken_is_a_failure(aws: Aws, sender: AwsSender) -> None:
    """EventBridge answers 200 all the same."""
    bus = BusTarget("us-east-1", aws("events").create_event_bus(Name=f"b-{uuid4()}")["EventBusArn"])
    message = record_message(succeeded(), bus)
    message["Entries"][0]["Detail"] = "no json"
    with pytest.raises(DeliveryFailed, match="MalformedDetail"):
        await sender.send(bus, message)


async def test_nobody_there_is_a_failure(aws: Aws) -> None:
    """Tried once: when to try again is decided elsewhere."""
    sender = AwsSender("us-east-1", "http://127.0.0.1:1")
    queue = QueueTarget("us-east-1", ACCOUNT, "any")
    with pytest.raises(DeliveryFailed, match=r"http://127\.0\.0\.1:1"):
        await sender.send(queue, {})
    await sender.close()


def test_a_missing_boto3_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is delivered."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(AwsUnavailable, match=r"pip install 'pilotlight\[aws\]'"):
        AwsSender("us-east-1").check(BucketTarget("any"))


@pytest.mark.usefixtures("aws")
def test_an_endpoint_that_is_none_is_said() -> None:
    """Before anything is delivered."""
    with pytest.raises(AwsUnavailable, match="Invalid endpoint: nonsense"):
        AwsSender("us-east-1", "nonsense").check(BucketTarget("any"))


def test_missing_credentials_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variables that are looked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AwsUnavailable, match="AWS_ACCESS_KEY_ID"):
        AwsSender("us-east-1").check(BucketTarget("any"))

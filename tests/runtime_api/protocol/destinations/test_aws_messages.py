from __future__ import annotations

import json

import msgspec
import pytest

from runtime_api.protocol.asynchronous.event import FinishedEvent
from runtime_api.protocol.destinations.aws_messages import (
    TOPIC_LIMIT_BYTES,
    dead_letter_message,
    object_key,
    record_message,
)
from runtime_api.protocol.destinations.record import destination_record
from runtime_api.protocol.destinations.targets import BucketTarget, BusTarget, QueueTarget, TopicTarget
from tests.runtime_api.protocol.destinations.ends import ARN, ERROR, EVENT, TRACE, failed, succeeded

QUEUE = QueueTarget("us-east-1", "123456789012", "ends")
TOPIC = TopicTarget("us-east-1", "arn:aws:sns:us-east-1:123456789012:ends")
BUS = BusTarget("us-east-1", "arn:aws:events:us-east-1:123456789012:event-bus/ends")
RECORD = destination_record(succeeded()).decode()
KEY = f"aws/lambda/async/orders/2025/11/24/2025-11-24T23.11.08-{EVENT.request_id}"


def test_a_queue_gets_the_record_and_the_trace() -> None:
    """The trace as the attribute of the system that consumers look for."""
    message = record_message(succeeded(), QUEUE)
    assert message["MessageBody"] == RECORD
    assert message["MessageSystemAttributes"] == {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}


def test_a_queue_gets_no_trace_that_is_none() -> None:
    """SQS would refuse the message for it."""
    odd = failed(event=msgspec.structs.replace(EVENT, trace_id="odd"))
    assert "MessageSystemAttributes" not in record_message(odd, QUEUE)


@pytest.mark.parametrize(("end", "word"), [(succeeded(), "Success"), (failed(), "Failure")], ids=["success", "failure"])
def test_a_bus_gets_an_entry_as_recorded(end: FinishedEvent, word: str) -> None:
    """From `lambda`, with the bus and the qualified function as resources, and the record as its detail."""
    assert record_message(end, BUS)["Entries"] == [
        {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {word}",
            "Resources": [BUS.arn, ARN],
            "Detail": destination_record(end).decode(),
            "EventBusName": BUS.arn,
        }
    ]


def test_a_bucket_gets_an_object_for_each_end() -> None:
    """Below the function's name and the day; the same object when it is sent again."""
    message = record_message(failed(), BucketTarget("failed"))
    assert (message["Bucket"], message["Key"]) == ("failed", KEY)
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetriesExhausted"
    assert object_key(failed()) == KEY


def test_a_topic_gets_the_record() -> None:
    """As its message."""
    assert record_message(succeeded(), TOPIC) == {"TopicArn": TOPIC.arn, "Message": RECORD}


def test_a_failure_too_large_for_a_topic_comes_without_payloads() -> None:
    """A success stays whole, and SNS refuses it."""
    large = b'"%b"' % (b"x" * TOPIC_LIMIT_BYTES)
    record = json.loads(record_message(failed(large), TOPIC)["Message"])
    assert {"requestPayload", "responsePayload"} & set(record) == set()
    assert len(record_message(succeeded(large), TOPIC)["Message"]) > TOPIC_LIMIT_BYTES


def test_dead_letters_are_the_event_with_attributes() -> None:
    """The event as it was sent, and nothing of the response but its message."""
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": EVENT.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no stock"},
    }
    assert dead_letter_message(failed(ERROR), QUEUE) == {"MessageBody": '{"id": 1}', "MessageAttributes": attributes}
    assert dead_letter_message(failed(ERROR), TOPIC) == {
        "TopicArn": TOPIC.arn,
        "Message": '{"id": 1}',
        "MessageAttributes": attributes,
    }

"""The words in which AWS services are told: the parameters of `SendMessage`, `Publish`, `PutEvents` and `PutObject`.

Source: the Developer Guide's page invocation-async-retain-records, and the API reference of each service.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec

from runtime_api.protocol.asynchronous.event import FinishedEvent
from runtime_api.protocol.destinations.dead_letter import dead_letter_attributes
from runtime_api.protocol.destinations.record import destination_record
from runtime_api.protocol.destinations.targets import AwsTarget, BucketTarget, BusTarget, DeadLetterTarget, QueueTarget
from runtime_api.protocol.invoke.trace import parse_trace

# OnFailure in the API reference: what SNS takes; a failure's payloads are left out rather than lost with the rest
TOPIC_LIMIT_BYTES = 262_144


def record_message(finished: FinishedEvent, target: AwsTarget) -> dict[str, Any]:
    """The call that delivers a destination record; that of a queue without its QueueUrl."""
    record = destination_record(finished)
    if isinstance(target, QueueTarget):
        return {"MessageBody": record.decode(), **_trace(finished.event.trace_id)}
    if isinstance(target, BusTarget):
        return {"Entries": [_entry(finished, target, record)]}
    if isinstance(target, BucketTarget):
        return {"Bucket": target.name, "Key": object_key(finished), "Body": record, "ContentType": "application/json"}
    if len(record) > TOPIC_LIMIT_BYTES and not finished.succeeded:
        record = destination_record(finished, with_payloads=False)
    return {"TopicArn": target.arn, "Message": record.decode()}


def dead_letter_message(finished: FinishedEvent, target: DeadLetterTarget) -> dict[str, Any]:
    """The call that delivers a dead letter; that of a queue without its QueueUrl."""
    body = finished.event.payload.decode()
    attributes = msgspec.to_builtins(dead_letter_attributes(finished))
    if isinstance(target, QueueTarget):
        return {"MessageBody": body, "MessageAttributes": attributes}
    return {"TopicArn": target.arn, "Message": body, "MessageAttributes": attributes}


def object_key(finished: FinishedEvent) -> str:
    """Where a bucket has the record, by function and time: the same place when it is sent again."""
    moment = datetime.fromtimestamp(int(finished.finished_ms) / 1000, timezone.utc)
    event = finished.event
    return f"aws/lambda/async/{event.function_name}/{moment:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{event.request_id}"


def _trace(header: str) -> dict[str, Any]:
    # SQS refuses messages with another one.
    if parse_trace(header).get("Root") is None:
        return {}
    return {"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}}


def _entry(finished: FinishedEvent, bus: BusTarget, record: bytes) -> dict[str, Any]:
    return {
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {'Success' if finished.succeeded else 'Failure'}",
        "Resources": [bus.arn, finished.function_arn],
        "Detail": record.decode(),
        "EventBusName": bus.arn,
    }

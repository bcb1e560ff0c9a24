from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.destinations.record import RECORD_BEGINNING, destination_record
from tests.runtime_api.protocol.destinations.ends import ARN, EVENT, failed, never_run, succeeded


def test_a_success_as_recorded() -> None:
    """Members are in the service's order, and payloads are the bytes they were."""
    assert destination_record(succeeded(b'{"n":1.50}')) == (
        b'{"version":"1.0","timestamp":"2025-11-24T23:11:08.123Z",'
        b'"requestContext":{"requestId":"' + EVENT.request_id.encode() + b'","functionArn":"' + ARN.encode() + b'",'
        b'"condition":"Success","approximateInvokeCount":1},"requestPayload":{"id": 1},'
        b'"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":{"n":1.50}}'
    )


def test_a_failure_says_functionerror() -> None:
    """With the condition, the count and the error as the function reported it."""
    record = json.loads(destination_record(failed()))
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "no stock"


def test_what_never_ran_has_no_response() -> None:
    """Neither context nor payload, and a count of 0."""
    record = json.loads(destination_record(never_run()))
    assert list(record) == ["version", "timestamp", "requestContext", "requestPayload"]
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0


@pytest.mark.parametrize(
    ("response", "payload"),
    [(b"", None), (b"plain text", "plain text"), (b"\xff\x00", "\ufffd\x00"), (b'"\\ud800"', "\ud800"), (b"{", "{")],
)
def test_a_response_that_is_not_json_becomes_a_string(response: bytes, payload: object) -> None:
    """And none at all becomes null."""
    assert json.loads(destination_record(succeeded(response)))["responsePayload"] == payload


@given(st.binary())
def test_whatever_was_answered_the_record_is_json(response: bytes) -> None:
    """A receiver can read it, always, and each begins the same."""
    record = destination_record(succeeded(response))
    json.loads(record)
    assert record.startswith(RECORD_BEGINNING)


def test_payloads_can_be_left_out() -> None:
    """What remains still tells what happened to which request."""
    record = json.loads(destination_record(failed(), with_payloads=False))
    assert list(record) == ["version", "timestamp", "requestContext", "responseContext"]

from __future__ import annotations

import pytest

from runtime_api.protocol.asynchronous.event import Condition, LastAttempt
from runtime_api.protocol.destinations.dead_letter import MessageAttribute, dead_letter_attributes
from tests.runtime_api.protocol.destinations.ends import EVENT, failed, never_run


def test_attributes_as_recorded() -> None:
    """A request id, the status as a number, and the message of the function's error alone."""
    assert dead_letter_attributes(failed()) == {
        "RequestID": MessageAttribute("String", EVENT.request_id),
        "ErrorCode": MessageAttribute("Number", "200"),
        "ErrorMessage": MessageAttribute("String", "no stock"),
    }


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("x" * 2000, "x" * 1024),
        # a character of three bytes that would be cut in its middle is left out
        ("€" * 400, "€" * 341),
        ("a\x00b\ud800c\uffff", "a\ufffdb\ufffdc\ufffd"),
    ],
)
def test_the_message_is_what_sqs_can_take(message: str, sent: str) -> None:
    """The first KiB of it, whole characters, and nothing XML cannot say."""
    last = LastAttempt(200, b"{}", "$LATEST", is_function_error=True, error_message=message)
    assert dead_letter_attributes(failed(last=last))["ErrorMessage"].string_value == sent


@pytest.mark.parametrize("message", [None, ""])
def test_an_error_without_a_message_is_named_by_its_condition(message: str | None) -> None:
    """SQS takes no empty attribute."""
    last = LastAttempt(200, b"{}", "$LATEST", is_function_error=True, error_message=message)
    assert dead_letter_attributes(failed(last=last))["ErrorMessage"].string_value == "RetriesExhausted"


def test_a_refusal_is_told_as_a_caller_would_have_heard_it() -> None:
    """By its status and message; what was never tried counts as throttled."""
    throttled = failed(condition=Condition.EVENT_AGE_EXCEEDED, last=LastAttempt(429, error_message="Rate Exceeded."))
    attributes = dead_letter_attributes(throttled)
    assert (attributes["ErrorCode"].string_value, attributes["ErrorMessage"].string_value) == ("429", "Rate Exceeded.")
    attributes = dead_letter_attributes(never_run())
    assert attributes["ErrorCode"].string_value == "429"
    assert attributes["ErrorMessage"].string_value == "ZeroReservedConcurrency"

from __future__ import annotations

import pytest

from runtime_api.protocol.invocation import Outcome, OutcomeKind, timed_out
from runtime_api.protocol.url.answer import NotJson, UrlAnswer
from runtime_api.protocol.url.fronts.payload_v2 import FUNCTION_URL
from runtime_api.protocol.url.outcome import read_outcome
from runtime_api.protocol.url.prelude import CONTENT_TYPE_HTTP_INTEGRATION

RESULT = b'{"statusCode": 201, "body": "hi"}'


def outcome(body: bytes, content_type: str = "application/json") -> Outcome:
    """A function that succeeded."""
    return Outcome(OutcomeKind.SUCCESS, body, content_type)


def test_a_failed_function_is_a_bad_gateway() -> None:
    """Nothing of its error reaches the caller."""
    assert read_outcome(timed_out("id", 1000), FUNCTION_URL, "BUFFERED") == UrlAnswer(
        502, [("Content-Type", "text/plain")], b"Internal Server Error"
    )


def test_a_result_is_read_where_answers_are_whole() -> None:
    """By the rules of the front."""
    assert read_outcome(outcome(RESULT), FUNCTION_URL, "BUFFERED").status == 201


def test_a_result_is_not_read_where_answers_are_streams() -> None:
    """As recorded: it is sent as it is."""
    expected = UrlAnswer(200, [("Content-Type", "application/octet-stream")], RESULT)
    assert read_outcome(outcome(RESULT), FUNCTION_URL, "RESPONSE_STREAM") == expected


def test_a_collected_stream_has_its_head() -> None:
    """A streaming function behind a URL that sends whole answers."""
    collected = outcome(b'{"statusCode":202}' + b"\0" * 8 + b"hi", CONTENT_TYPE_HTTP_INTEGRATION)
    answer = read_outcome(collected, FUNCTION_URL, "BUFFERED")
    assert (answer.status, answer.body) == (202, b"hi")


def test_a_collected_stream_without_head_is_sent_as_it_is() -> None:
    """With the type the function gave it."""
    assert read_outcome(outcome(b"line\n", "text/csv"), FUNCTION_URL, "BUFFERED") == UrlAnswer(
        200, [("Content-Type", "text/csv")], b"line\n"
    )


def test_json_that_is_none_is_a_mistake() -> None:
    """A runtime that promised JSON is not taken at other words."""
    with pytest.raises(NotJson):
        read_outcome(outcome(b"line\n"), FUNCTION_URL, "BUFFERED")

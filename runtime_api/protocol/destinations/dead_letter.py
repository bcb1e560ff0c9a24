"""What a dead-letter queue or topic gets: the event as it was, and in attributes why it is there.

Source: the Developer Guide's page invocation-async-retain-records.
"""

from __future__ import annotations

import re

import msgspec

from runtime_api.protocol.asynchronous.event import FinishedEvent, LastAttempt

_MESSAGE_LIMIT_BYTES = 1024
# What XML cannot say, no message of SQS can.
_UNSPEAKABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_THROTTLED = 429


class MessageAttribute(msgspec.Struct, frozen=True, rename="pascal"):
    """An attribute as SQS and SNS take it."""

    data_type: str
    string_value: str


def dead_letter_attributes(finished: FinishedEvent) -> dict[str, MessageAttribute]:
    """The attributes; what never ran counts as throttled."""
    last = finished.last or LastAttempt(_THROTTLED)
    message = last.error_message or finished.condition.value
    return {
        "RequestID": MessageAttribute("String", finished.event.request_id),
        "ErrorCode": MessageAttribute("Number", str(last.status)),
        "ErrorMessage": MessageAttribute("String", _shortened(message)),
    }


def _shortened(message: str) -> str:
    text = _UNSPEAKABLE.sub("\ufffd", message)
    return text.encode()[:_MESSAGE_LIMIT_BYTES].decode(errors="ignore")

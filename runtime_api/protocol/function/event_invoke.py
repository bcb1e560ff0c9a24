"""What happens to an asynchronous invocation that fails, ages or ends.

Source: EventInvokeConfig in the Lambda API reference, and the Developer Guide's pages invocation-async and invocation-async-configuring.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.destinations.targets import BucketTarget, parse_target
from runtime_api.protocol.function.invalid_function import InvalidFunction

DEFAULT_EVENT_AGE_MS = 21_600_000
MIN_EVENT_AGE_MS = 60_000
DEFAULT_RETRY_ATTEMPTS = 2


class EventInvokeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a function, version or alias. Destinations are ARNs, or URLs and paths of what is local. Raises InvalidFunction."""

    maximum_retry_attempts: int = DEFAULT_RETRY_ATTEMPTS
    maximum_event_age_ms: int = DEFAULT_EVENT_AGE_MS
    on_success: str | None = None
    on_failure: str | None = None

    def __post_init__(self) -> None:
        attempts, age_ms = self.maximum_retry_attempts, self.maximum_event_age_ms
        if not 0 <= attempts <= DEFAULT_RETRY_ATTEMPTS:
            raise InvalidFunction(
                f"maximum retry attempts {attempts}: it must be between 0 and 2", "maximum_retry_attempts"
            )
        if not MIN_EVENT_AGE_MS <= age_ms <= DEFAULT_EVENT_AGE_MS:
            raise InvalidFunction(
                f"maximum event age {age_ms} ms: it must be between {MIN_EVENT_AGE_MS} and {DEFAULT_EVENT_AGE_MS} ms",
                "maximum_event_age_ms",
            )
        _check_destination(self.on_success, "on_success")
        _check_destination(self.on_failure, "on_failure")


def _check_destination(address: str | None, member: str) -> None:
    if address is None:
        return
    try:
        target = parse_target(address)
    except InvalidFunction as error:
        raise InvalidFunction(str(error), member) from None
    if isinstance(target, BucketTarget) and member == "on_success":
        raise InvalidFunction(f"destination {address}: S3 takes what failed only, name it on failure", member)

from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest

from runtime_api.protocol.invocation import (
    Outcome,
    OutcomeKind,
    exited,
    invalid_entrypoint,
    new_request_id,
    reported_error,
    timed_out,
    too_large,
)


@pytest.mark.parametrize(
    ("timeout_ms", "seconds"), [(1, "0.00"), (500, "0.50"), (1000, "1.00"), (3000, "3.00"), (900_000, "900.00")]
)
def test_a_timeout_names_its_seconds(timeout_ms: int, seconds: str) -> None:
    """Two decimals, the request id, Sandbox.Timedout."""
    outcome = timed_out("id-1", timeout_ms)
    assert outcome.body == (
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id-1 Error: Task timed out after %b seconds"}'
        % seconds.encode()
    )
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.TIMEOUT, "Sandbox.Timedout")


def test_an_exit() -> None:
    """The runtime's end as the caller reads it, and as the log does."""
    outcome = exited("id-1", "Runtime exited with error: exit status 3")
    assert outcome.body == (
        b'{"errorType":"Runtime.ExitError","errorMessage":'
        b'"RequestId: id-1 Error: Runtime exited with error: exit status 3"}'
    )
    assert outcome.platform_message == "Runtime exited with error: exit status 3"


def test_a_runtime_that_cannot_be_started() -> None:
    """The reason is quoted so that it stays JSON."""
    assert invalid_entrypoint("id-1", 'exec: "x": no').body == (
        rb'{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: id-1 Error: exec: \"x\": no"}'
    )


def test_a_response_over_the_limit() -> None:
    """Here errorMessage comes first, as the service has it."""
    assert too_large().body == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )


def test_a_reported_error_is_untouched() -> None:
    """The runtime's bytes are the caller's; a missing content type is JSON's."""
    assert reported_error(b"\x00 not json", "", "Runtime.Unknown") == Outcome(
        OutcomeKind.ERROR, b"\x00 not json", "application/json", "Runtime.Unknown"
    )


@pytest.mark.parametrize("kind", OutcomeKind)
def test_all_but_success_are_function_errors(kind: OutcomeKind) -> None:
    """What the caller is told by a header."""
    assert Outcome(kind, b"").is_function_error is (kind is not OutcomeKind.SUCCESS)


def test_a_request_id_is_a_uuid() -> None:
    """Of version 4, whatever the random bytes are."""
    for value in (0, 0x55, 0xAA, 0xFF):
        made = UUID(new_request_id(bytes([value] * 16)))
        assert (made.version, made.variant) == (4, RFC_4122)
    assert new_request_id(bytes(range(16))) == "00010203-0405-4607-8809-0a0b0c0d0e0f"

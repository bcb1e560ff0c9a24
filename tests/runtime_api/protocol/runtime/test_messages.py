from __future__ import annotations

import pytest

from runtime_api.protocol.runtime.error_cause import ErrorCause
from runtime_api.protocol.runtime.messages import (
    ACCEPTED,
    error_message,
    function_error,
    normalise_error_type,
    reported_cause,
    strip_error_cause,
)


def test_accepted() -> None:
    """What every accepted answer hears."""
    assert ACCEPTED == b'{"status":"OK"}\n'


def test_a_function_error_has_its_type_first() -> None:
    """The platform's own errors: errorType, errorMessage, no newline."""
    assert function_error("Runtime.ExitError", 'a "b"') == (
        rb'{"errorType":"Runtime.ExitError","errorMessage":"a \"b\""}'
    )


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("Runtime.NoSuchHandler", "Runtime.NoSuchHandler"),
        ("Function.Timeout", "Function.Timeout"),
        ("Extension said Runtime.Broken today", "Runtime.Broken"),
        ("Runtime.Bad1", "Runtime.Bad"),
        ("Function.lower", "Function.Unknown"),
        ("Function.", "Function.Unknown"),
        ("Function.X", "Function.Unknown"),
        ("Runtime.lower", "Runtime.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("my Function.x", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
def test_error_types_are_normalised(header: str, known: str) -> None:
    """A known form is kept wherever it stands; anything else becomes one of two unknowns."""
    assert normalise_error_type(header) == known


@pytest.mark.parametrize(
    ("report", "seen"),
    [
        (
            b'{"errorMessage":"m","errorType":"t","stackTrace":["a","b"],"errorCause":{"paths":[]}}',
            b'{"errorMessage":"m","errorType":"t","stackTrace":["a","b"]}',
        ),
        (b'{"errorCause":{},"errorType":"t","errorMessage":"m"}', b'{"errorMessage":"m","errorType":"t"}'),
        (b'{"errorMessage":"m","unheard":1}', b'{"errorMessage":"m"}'),
        (b"{}", b"{}"),
    ],
)
def test_the_cause_is_stripped(report: bytes, seen: bytes) -> None:
    """The caller sees the error without its cause, in the order of the schema."""
    assert strip_error_cause(report) == seen


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"[]",
        b"not json",
        b'{"errorMessage":1}',
        b'{"errorMessage":"\xff"}',
        b'{"stackTrace":["\\ud800"]}',
        b'{"errorCause":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["empty", "array", "text", "wrong type", "not utf-8", "surrogate", "deep"],
)
def test_an_unreadable_report_is_none(report: bytes) -> None:
    """Whatever is wrong with a report, it is said by None."""
    assert strip_error_cause(report) is None


@pytest.mark.parametrize(
    ("report", "cause"),
    [
        (b'{"errorMessage":"a","errorCause":{"message":"why"}}', ErrorCause(message="why")),
        (b'{"errorMessage":"a","errorCause":{}}', None),
        (b'{"errorMessage":"a","errorCause":7}', None),
        (b'{"errorMessage":"a"}', None),
    ],
)
def test_the_cause_in_a_report(report: bytes, cause: ErrorCause | None) -> None:
    """Read where it says something, and nothing else comes of the rest."""
    assert reported_cause(report) == cause


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"errorMessage":"no","errorType":"ValueError"}', "no"),
        (b'{"errorMessage":"\\ud800!"}', "?!"),
        (b'{"errorMessage":7}', None),
        (b'"errorMessage"', None),
        (b"Internal error", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_what_a_functions_error_says(body: bytes, message: str | None) -> None:
    """Where it says something that is text."""
    assert error_message(body) == message

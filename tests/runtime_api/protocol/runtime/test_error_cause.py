from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.runtime.error_cause import (
    CAUSE_LIMIT_BYTES,
    CauseException,
    ErrorCause,
    StackFrame,
    crop_error_cause,
    read_error_cause,
)


def test_a_cause_is_read() -> None:
    """Members nobody knows are left behind."""
    text = b"""{"working_directory":"/var/task","paths":["app.py"],"surplus":1,"exceptions":[
        {"message":"boom","type":"ValueError","stack":[{"path":"app.py","line":3,"label":"handler"}]}]}"""
    assert read_error_cause(text) == ErrorCause(
        [CauseException("boom", "ValueError", [StackFrame("app.py", 3, "handler")])], "/var/task", ["app.py"]
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"exceptions":[],"paths":[],"working_directory":"","message":""}',
        b'{"exceptions":"none"}',
        b'{"message":"\xff"}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_cause(text: bytes) -> None:
    """Not of the shape, or empty throughout."""
    assert read_error_cause(text) is None


def test_one_that_fits_is_kept_whole() -> None:
    """To the last byte."""
    cause = ErrorCause(message="x" * (CAUSE_LIMIT_BYTES - len('{"message":""}')))
    assert read_error_cause(msgspec.json.encode(cause)) == cause


def test_lists_are_cut_first() -> None:
    """To four fifths, when that is enough: the first exceptions, and of each the first frames."""
    exception = CauseException("boom", "E", [StackFrame("p" * 100, 1, "l")] * 10)
    cause = ErrorCause([exception] * 60, "/var/task", ["p"] * 10)
    cropped = read_error_cause(msgspec.json.encode(cause))
    assert cropped is not None
    assert cropped.exceptions is not None
    assert [len(exception.stack or ()) for exception in cropped.exceptions] == [8] * 48
    assert (cropped.working_directory, len(cropped.paths or ())) == ("/var/task", 8)


def test_texts_are_cut_last() -> None:
    """With a mark where they end."""
    cause = ErrorCause([CauseException("boom")], "d" * 100_000, None, "m" * 100_000)
    cropped = read_error_cause(msgspec.json.encode(cause))
    assert cropped is not None
    assert cropped.exceptions is None
    assert (cropped.message or "").endswith("m...")
    assert (cropped.working_directory or "").endswith("d...")


@given(
    st.builds(
        ErrorCause,
        st.none() | st.lists(st.builds(CauseException, st.text(), st.text()), max_size=30),
        st.none() | st.text(max_size=2000),
        st.none() | st.lists(st.text(), max_size=30),
        st.none() | st.text(max_size=2000),
    ),
    st.integers(200, 2000),
)
def test_it_always_fits(cause: ErrorCause, limit: int) -> None:
    """Whatever is in it."""
    encoded = msgspec.json.encode(crop_error_cause(cause, limit))
    assert len(encoded) <= limit
    json.loads(encoded)

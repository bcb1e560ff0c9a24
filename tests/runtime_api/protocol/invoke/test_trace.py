from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.invoke.trace import new_trace_id, parse_trace, runtime_trace

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
OWN = "Parent=0c0d0e0f10111213"


def test_the_form() -> None:
    """Seconds of now and the given randomness, in hexadecimal, not sampled."""
    assert new_trace_id(1_465_510_280_999.0, bytes(range(20))) == (
        "Root=1-5759e988-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0"
    )


@given(st.floats(0, 4e12), st.binary(min_size=20, max_size=20))
def test_it_always_has_the_documented_lengths(now_ms: float, randomness: bytes) -> None:
    """Eight, twenty-four and sixteen digits, whatever the moment."""
    pattern = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"
    assert re.fullmatch(pattern, new_trace_id(now_ms, randomness))


def test_it_may_be_sampled() -> None:
    """When somebody decided so."""
    assert new_trace_id(0.0, bytes(20), sampled=True).endswith(";Sampled=1")


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        (f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1", f"{ROOT};{OWN};Sampled=1"),
        (f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=0", f"{ROOT};{OWN};Sampled=0"),
        (f"Sampled=1;{ROOT}", f"Sampled=1;{ROOT};{OWN}"),
        (f"{ROOT}", f"{ROOT};{OWN};Sampled=0"),
        (
            f"Self=1-1-1;{ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1|b:2",
            f"Self=1-1-1;{ROOT};{OWN};Sampled=1;Lineage=a:1|b:2",
        ),
        (f" {ROOT} ; Sampled=1 ;", f"{ROOT};Sampled=1;{OWN}"),
    ],
)
def test_what_a_runtime_sees(header: str, seen: str) -> None:
    """The same trace below a segment of its own; fields nobody knows are kept, and a missing decision is a no."""
    assert runtime_trace(header, "0c0d0e0f10111213") == seen


@pytest.mark.parametrize(
    ("header", "sampled"), [("Sampled=1", True), ("Sampled=0", False), ("Sampled=?", False), (ROOT, False), ("", False)]
)
def test_whether_it_is_sampled(header: str, sampled: bool) -> None:
    """Only when it says so."""
    assert parse_trace(header).is_sampled is sampled


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60))
def test_any_header_can_be_read(header: str) -> None:
    """What was read once reads the same again."""
    trace = parse_trace(header)
    assert parse_trace(str(trace)) == trace

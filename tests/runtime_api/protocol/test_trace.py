from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.trace import new_trace_id


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

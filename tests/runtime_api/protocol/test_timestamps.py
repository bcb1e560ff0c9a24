from __future__ import annotations

import pytest

from runtime_api.protocol.timestamps import iso_time


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_123.0, "2023-11-14T22:13:20.123Z"),
        (1_700_000_000_000.0, "2023-11-14T22:13:20.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(time_ms: float, text: str) -> None:
    """Three digits and a Z, also where they are zero."""
    assert iso_time(time_ms) == text

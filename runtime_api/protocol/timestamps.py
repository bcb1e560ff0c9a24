"""Moments as the service writes them: in telemetry, log lines and records."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache


def iso_time(time_ms: float) -> str:
    """UTC with milliseconds and a Z; `time_ms` is in milliseconds since the epoch."""
    return _iso_time(int(time_ms))


# Events come in bursts: many share their millisecond, most their second with the one before.
@lru_cache(maxsize=16)
def _iso_time(time_ms: int) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_whole_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=16)
def _whole_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")

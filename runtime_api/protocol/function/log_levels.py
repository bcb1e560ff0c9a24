"""Log formats and levels, and how a level is read.

Source: the Developer Guide's pages monitoring-cloudwatchlogs-logformat and monitoring-cloudwatchlogs-log-level.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class LogFormat(str, Enum):
    """How platform events and log lines are written; the value of `AWS_LAMBDA_LOG_FORMAT`."""

    TEXT = "Text"
    JSON = "JSON"


class LogLevel(IntEnum):
    """Levels in their order; the platform's own events know DEBUG, INFO and WARN only."""

    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6


_LEVELS = {level.name: level for level in LogLevel}
# Python's logging has names of its own for two of them.
_LEVELS |= {"WARNING": LogLevel.WARN, "CRITICAL": LogLevel.FATAL}


def parse_level(text: str) -> LogLevel | None:
    """The level of that name, in any case; None for any other text."""
    return _LEVELS.get(text.upper())

from __future__ import annotations

import pytest

from runtime_api.protocol.function.log_levels import LogLevel, parse_level


def test_levels_have_an_order() -> None:
    """From TRACE to FATAL."""
    assert [level.name for level in sorted(LogLevel)] == ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


@pytest.mark.parametrize(
    ("text", "level"),
    [("info", "INFO"), ("Fatal", "FATAL"), ("WARNING", "WARN"), ("critical", "FATAL"), ("", None), ("loud", None)],
)
def test_a_level_by_its_name(text: str, level: str | None) -> None:
    """In any case, and as Python calls it; no other word is one."""
    assert parse_level(text) is (LogLevel[level] if level else None)

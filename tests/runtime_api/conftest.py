"""Fixtures of the platform's tests: a clock, a place for what an event loop would only log, functions that are scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from runtime_api.protocol.function.function import Function
from tests.runtime_api.runtime_scripts import script_function
from tests.runtime_api.virtual_clock import VirtualClock

Script = Callable[..., Function]


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands still."""
    return VirtualClock()


@pytest.fixture
async def no_loop_errors() -> AsyncIterator[None]:
    """Fail the test when a callback of the event loop fails: by itself the loop only logs that."""
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    yield
    assert errors == []


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Make a function of the source of a runtime."""

    def make(source: str, **options: object) -> Function:
        return script_function(tmp_path, source, **options)

    return make

"""Fixtures of the telemetry tests: somebody who listens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.runtime_api.telemetry.real_listener import RealListener


@pytest.fixture
async def listener(no_loop_errors: None) -> AsyncIterator[RealListener]:
    """A listener that takes HTTP."""
    listener = RealListener()
    await listener.open()
    yield listener
    await listener.close()


@pytest.fixture
async def tcp_listener(no_loop_errors: None) -> AsyncIterator[RealListener]:
    """A listener that takes lines."""
    listener = RealListener()
    await listener.open(http=False)
    yield listener
    await listener.close()

"""Fixtures of the telemetry tests: somebody who listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.runtime_api.telemetry.real_listener import RealListener


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Listeners are tried on the command line's loop too: connections end in a way of their own there."""
    on_uvloop = {"uvloop": uvloop.new_event_loop} if item.path.name == "test_listeners.py" else {}
    return {"asyncio": asyncio.SelectorEventLoop, **on_uvloop}


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

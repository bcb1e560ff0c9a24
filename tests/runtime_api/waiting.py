"""Waiting for what nobody announces: a process that goes away, a connection that arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.002


async def until(condition: Callable[[], object]) -> None:
    """Return once `condition()` holds; fail after ten seconds."""

    async def look() -> None:
        while not condition():
            await asyncio.sleep(_LOOK_AGAIN_S)

    await asyncio.wait_for(look(), PATIENCE_S)

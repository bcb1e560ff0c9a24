"""What is known and not written yet must not be lost while the disk is full."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.protocol.clock import Clock

TRY_AGAIN_MS = 1_000
_logger = logging.getLogger("pilotlight")


async def until_written(write: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Write it, again each second for as long as the store fails. Whoever is cancelled meanwhile has it done again after a restart."""
    is_first = True
    while True:
        try:
            await write()
        except StoreFailed as error:
            if is_first:
                _logger.error("the result of an event cannot be written, trying again: %s", error)
            is_first = False
            await _pause(clock)
        else:
            return


async def _pause(clock: Clock) -> None:
    over = asyncio.Event()
    timer = clock.call_later(TRY_AGAIN_MS, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()

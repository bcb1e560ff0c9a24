"""An async handler that is not done before as many invocations run at once as there can be."""

from __future__ import annotations

import asyncio
import os

_running = 0
_all_running = asyncio.Event()


async def handler(event: object, context: object) -> int:
    """How many ran at once."""
    global _running
    _running += 1
    if _running == int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"]):
        _all_running.set()
    await _all_running.wait()
    return _running

"""How long a command lives: until its work is done, or until Ctrl-C, SIGTERM or a lost terminal, and then it still cleans up.

The first signal cancels the work, further ones change nothing: sandboxes lead sessions of their own, so nobody else would end them. The
work's own `finally` and `async with` do the rest. The exit code says which signal it was.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine

import uvloop


def run_until_signal(work: Coroutine[object, object, int]) -> int:
    """Run `work` to its end; the exit code is its result, or 128 plus the signal's number."""
    return uvloop.run(_supervise(work))


async def _supervise(work: Coroutine[object, object, int]) -> int:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    received: list[int] = []

    def end(number: int) -> None:
        if not received:
            task.cancel()
        received.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        # Whoever started us with nohup wants us to stay.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]

"""How long a command lives: until its work is done, or until Ctrl-C, SIGTERM or a lost terminal, and then it still cleans up.

The first signal cancels the work, further ones change nothing: sandboxes lead sessions of their own, so nobody else would end them. The
work's own `finally` and `async with` do the rest. The exit code says which signal it was.

Where there is something to finish first, SIGTERM lets that happen: it is what a service is ended by, while somebody at a terminal does
not want to wait. The next signal, whichever, cuts it short.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine

import uvloop

Drain = Callable[[], Coroutine[object, object, None]]


def run_until_signal(work: Coroutine[object, object, int], drain: Drain | None = None) -> int:
    """Run `work` to its end; the exit code is its result, or 128 plus the signal's number. On SIGTERM, `drain` comes first."""
    return uvloop.run(_supervise(work, drain))


async def _supervise(work: Coroutine[object, object, int], drain: Drain | None) -> int:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    received: list[int] = []
    draining: list[asyncio.Task[None]] = []

    def end(number: int) -> None:
        received.append(number)
        if draining:
            draining[0].cancel()
        elif len(received) == 1 and number == signal.SIGTERM and drain is not None:
            draining.append(loop.create_task(drain()))
            draining[0].add_done_callback(lambda _: task.cancel())
        elif len(received) == 1:
            task.cancel()

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

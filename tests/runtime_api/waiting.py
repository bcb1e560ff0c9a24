"""Waiting for what nobody announces: a process that goes away, a connection that arrives."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 10.0
_STARTS_WITHIN_S = 60.0
_LOOK_AGAIN_S = 0.002


async def until(condition: Callable[[], object]) -> None:
    """Return once `condition()` holds; fail after ten seconds."""

    async def look() -> None:
        while not condition():
            await asyncio.sleep(_LOOK_AGAIN_S)

    # As a task, so that whatever is due comes first; from Python 3.12 on wait_for makes none.
    await asyncio.wait_for(asyncio.ensure_future(look()), PATIENCE_S)


def lives_until(process: subprocess.Popen[Any], condition: Callable[[], object]) -> None:
    """The same beside a program, which has to live until then."""
    deadline_s = time.monotonic() + _STARTS_WITHIN_S
    while not condition():
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline_s, "it does not come to that"
        time.sleep(_LOOK_AGAIN_S)

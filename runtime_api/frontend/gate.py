"""Where every call passes on its way in and on its way out: closed while the platform starts, and again while it shuts down.

Strategy: the port opens first, so that whoever watches the server can ask how far it is. What keeps calls out until then is this. A
call is inside until its answer is ready to be sent, one that is streamed until its end is sent; a drain waits until nobody is inside.
"""

from __future__ import annotations

import asyncio
from enum import Enum

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.invoke.errors import ServiceUnavailable


class Stage(Enum):
    """How far a platform is; the value says what it is about."""

    WARMING = "provisioned sandboxes are being initialised"
    OPENING_QUEUE = "the queue of asynchronous events is being opened"
    READY = "calls are taken"
    DRAINING = "it shuts down: calls under way are finished, and no others are taken"


class Gate:
    """Counts who is inside, by `with`; entering raises ServiceUnavailable unless the stage is READY."""

    def __init__(self) -> None:
        self.stage = Stage.WARMING
        self.inside = 0
        self._emptied = asyncio.Event()

    def __enter__(self) -> None:
        if self.stage is not Stage.READY:
            raise ServiceUnavailable(f"No calls are taken at the moment: {self.stage.value}.")
        self.inside += 1

    def __exit__(self, *_error: object) -> None:
        self.inside -= 1
        if not self.inside:
            self._emptied.set()

    @property
    def is_draining(self) -> bool:
        """Whether connections are of no more use once their call is answered."""
        return self.stage is Stage.DRAINING

    def reach(self, stage: Stage) -> None:
        """Be so far; there is no way back from DRAINING."""
        if not self.is_draining:
            self.stage = stage

    async def drain(self, clock: Clock, timeout_ms: float) -> None:
        """Let nobody in any more, and return when nobody is inside, or after so long."""
        self.reach(Stage.DRAINING)
        if not self.inside:
            return
        self._emptied.clear()
        timer = clock.call_later(timeout_ms, self._emptied.set)
        try:
            await self._emptied.wait()
        finally:
            timer.cancel()

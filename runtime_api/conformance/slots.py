"""How much goes on at once: so many scenarios side by side, or one that is to be alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """As many places as there are jobs; first come, first served, so that who wants to be alone gets there."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._free = jobs
        self._door = asyncio.Lock()
        self._left = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, alone: bool) -> AsyncIterator[None]:
        """Have a place, or all of them."""
        number = self._jobs if alone else 1
        async with self._door, self._left:
            await self._left.wait_for(lambda: self._free >= number)
            self._free -= number
        try:
            yield
        finally:
            async with self._left:
                self._free += number
                self._left.notify_all()

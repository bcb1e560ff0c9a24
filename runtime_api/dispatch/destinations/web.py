"""A URL that records are posted to."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from runtime_api.dispatch.events.deliverer import DeliveryFailed

if TYPE_CHECKING:
    import aiohttp

_LIMIT_S = 30
_CONNECT_LIMIT_S = 5


class WebSender:
    """Posts to URLs; connections are kept until it is closed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, url: str, headers: dict[str, str], record: bytes) -> None:
        """Deliver a record; whoever answers 2xx has it. Raises DeliveryFailed."""
        if self._session is None:
            # Few have such a destination, and it takes long to load.
            await asyncio.to_thread(import_module, "aiohttp")
        import aiohttp

        session = self._session = self._session or _new_session()
        try:
            # Nobody here configured where a redirect leads.
            async with session.post(url, data=record, headers=headers, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise DeliveryFailed(f"{url}: {str(error) or type(error).__name__}") from None
        if not 200 <= status < 300:
            raise DeliveryFailed(f"{url} answered {status}")

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()


def _new_session() -> aiohttp.ClientSession:
    import aiohttp

    limit = aiohttp.ClientTimeout(total=_LIMIT_S, sock_connect=_CONNECT_LIMIT_S)
    return aiohttp.ClientSession(timeout=limit, cookie_jar=aiohttp.DummyCookieJar())

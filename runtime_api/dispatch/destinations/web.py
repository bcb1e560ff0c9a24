"""A URL that records are posted to."""

from __future__ import annotations

import asyncio

import aiohttp

from runtime_api.dispatch.events.deliverer import DeliveryFailed

_LIMIT = aiohttp.ClientTimeout(total=30, sock_connect=5)


class WebSender:
    """Posts to URLs; connections are kept until it is closed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, url: str, headers: dict[str, str], record: bytes) -> None:
        """Deliver a record; whoever answers 2xx has it. Raises DeliveryFailed."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_LIMIT, cookie_jar=aiohttp.DummyCookieJar())
        try:
            # Nobody here configured where a redirect leads.
            async with self._session.post(url, data=record, headers=headers, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise DeliveryFailed(f"{url}: {str(error) or type(error).__name__}") from None
        if not 200 <= status < 300:
            raise DeliveryFailed(f"{url} answered {status}")

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()

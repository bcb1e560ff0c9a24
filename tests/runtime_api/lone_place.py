"""A place that shares nothing with others, and takes what it has for itself along when it is closed."""

from __future__ import annotations

from typing import Any, cast

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.place import Place


class _LonePlace:
    def __init__(self, place: Place, places: Places) -> None:
        self._place = place
        self._places = places

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the place has)
        return getattr(self._place, name)

    async def close(self) -> None:
        await self._place.close()
        await self._places.close()


def lone_place(function: Function, clock: Clock) -> Place:
    """A new one of isolation `process`, without layers."""
    places = Places(clock)
    return cast(Place, _LonePlace(places.make_plain(function), places))

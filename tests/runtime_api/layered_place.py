"""A place whose /opt is a folder of the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.place import Place
from tests.runtime_api.lone_place import lone_place


class _LayeredPlace:
    """All that the wrapped place is, but for /opt."""

    def __init__(self, place: Place, opt: Path) -> None:
        self.folders = msgspec.structs.replace(place.folders, opt=str(opt))
        self._place = place
        self._opt = opt

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the place has)
        return getattr(self._place, name)

    def extensions(self) -> list[str]:
        """What is in its `extensions` folder."""
        return sorted(entry.name for entry in (self._opt / "extensions").iterdir())


def layered_place(function: Function, clock: Clock, opt: Path) -> Place:
    """A new place with the extensions of `opt`."""
    return cast(Place, _LayeredPlace(lone_place(function, clock), opt))

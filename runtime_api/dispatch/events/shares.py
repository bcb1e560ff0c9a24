"""How slots are shared out among functions that all have events waiting."""

from __future__ import annotations

from collections.abc import Mapping


def share_out(room: Mapping[str, int], slots: int) -> dict[str, int]:
    """How many events each function may start, by name, of so many slots in all.

    One for each in turn, first those that come first, again and again until each has all it has `room` for or no slot is left.
    """
    shares = dict.fromkeys(room, 0)
    while slots > 0 and (hungry := [name for name in room if shares[name] < room[name]]):
        for name in hungry[:slots]:
            shares[name] += 1
        slots -= len(hungry)
    return {name: share for name, share in shares.items() if share}

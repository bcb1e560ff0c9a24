"""The function of the measurements: imports nothing, gives back what it gets."""

from __future__ import annotations


def handler(event: object, context: object) -> object:
    """The event itself."""
    return event

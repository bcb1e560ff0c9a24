"""The function."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one event; what is returned goes to the caller as JSON."""
    return {"message": f"Hello, {event.get('name', 'world')}!"}

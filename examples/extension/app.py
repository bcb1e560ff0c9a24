"""A function with a companion: the extension in `layer/` hears of every call.

pilotlight run examples/extension --layer examples/extension/layer -e '{"name": "Ada"}'
"""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:  # noqa: ANN401  (the runtime's own)
    """Greet."""
    return {"message": f"Hello, {event.get('name', 'world')}!"}

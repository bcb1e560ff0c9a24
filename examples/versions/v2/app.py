"""The second version, which greets by name."""

from __future__ import annotations

import os
from typing import Any


def handler(event: dict[str, Any], context: Any) -> str:  # noqa: ANN401  (the runtime's own class)
    """Greet whom the event names."""
    return f"{os.environ['GREETING']}, {event.get('name', 'world')} (version {context.function_version})"

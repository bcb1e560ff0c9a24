"""The first version, which knows nobody by name."""

from __future__ import annotations

import os
from typing import Any


def handler(event: dict[str, Any], context: Any) -> str:  # noqa: ANN401  (the runtime's own class)
    """Greet."""
    return f"{os.environ['GREETING']} (version {context.function_version})"

"""Takes an order, from an event or by the function's URL, and says where it would be kept."""

from __future__ import annotations

import json
import os
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  (the runtime's own class)
    """Accept what was ordered."""
    order = json.loads(event.get("body") or "{}") if "requestContext" in event else event
    return {
        "accepted": order.get("item", "nothing"),
        "table": os.environ["TABLE"],
        "stage": os.environ["STAGE"],
        "version": context.function_version,
    }

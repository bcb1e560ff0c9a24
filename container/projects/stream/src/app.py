"""The function. What it yields leaves at once, while it still works."""

from collections.abc import Iterator
from typing import Any

import bootstrap


@bootstrap.stream(content_type="text/plain")
def handler(event: dict[str, Any], context: object) -> Iterator[str]:
    """Count, a line each."""
    for number in range(1, int(event.get("to", 3)) + 1):
        yield f"line {number}\n"

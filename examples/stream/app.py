"""Answers while it still works: each line it yields is sent at once.

pilotlight run app.handler -e '{"to": 3}'
"""

from collections.abc import Iterator
from typing import Any

import bootstrap


@bootstrap.stream(content_type="text/csv")
def handler(event: dict[str, Any], _context: object) -> Iterator[str]:
    """Yield the squares of the numbers up to `event["to"]` as lines of CSV."""
    yield "number,square\n"
    for number in range(1, event.get("to", 10) + 1):
        yield f"{number},{number * number}\n"

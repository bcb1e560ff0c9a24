"""A function that streams: it says when it wrote, and fails where the event says so."""

import time
from collections.abc import Iterator
from typing import Any

import bootstrap


@bootstrap.stream
def handler(event: Any, context: Any) -> Iterator[str | bytes]:  # noqa: ANN401  (any JSON; the context's class is the runtime's own)
    """Write pieces, a moment apart."""
    for number in range(event.get("pieces", 3)):
        yield f"{number} {time.time()}"
        time.sleep(event.get("pause_s", 0))
    for _ in range(event.get("mebibytes", 0) * 16):
        yield bytes(65_536)
    if event.get("fail"):
        raise LookupError("no such bird: kestrel")

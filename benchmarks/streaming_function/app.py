"""What the server's streams are measured with: the moment of writing, or many megabytes."""

import time
from collections.abc import Iterator
from typing import Any

import bootstrap

PIECE = bytes(65_536)


@bootstrap.stream
def handler(event: Any, context: object) -> Iterator[str | bytes]:  # noqa: ANN401  (any JSON)
    """As many mebibytes as the event says; without any, the time at which this is written."""
    # By URL the number stands in the path.
    mebibytes = event.get("mebibytes") or int(event.get("rawPath", "/0").strip("/"))
    if not mebibytes:
        yield repr(time.time())
    for _ in range(mebibytes * 16):
        yield PIECE

"""Gets the record of each order that was taken asynchronously: its event, its result, and how it went."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: object) -> None:
    """Write one line into the log."""
    print("audit:", event["requestContext"]["condition"], event["responsePayload"])

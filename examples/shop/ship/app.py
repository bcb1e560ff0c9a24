"""Ships what was reserved. It is invoked with the record of the invocation that was a success."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401  (the context's class is the runtime's own)
    """Ship `event["responsePayload"]["reserved"]`, for the request that bought it."""
    print(f"shipping {event['responsePayload']['reserved']} for {event['requestContext']['requestId']}")

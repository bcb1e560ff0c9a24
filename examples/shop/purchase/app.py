"""Takes a purchase. An error is tried again, twice, a minute and two minutes later; what fails a third time is refused."""

from typing import Any

STOCK = {"lamp": 3, "chair": 1}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  (the context's class is the runtime's own)
    """Reserve `event["item"]`."""
    item = event["item"]
    if item not in STOCK:
        raise LookupError(f"no {item} in stock")
    return {"reserved": item}

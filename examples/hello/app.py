"""The smallest function worth calling: it greets whoever the event names.

pilotlight run app.handler -e '{"name": "Ada"}'
"""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:  # noqa: ANN401  (the context's class is the runtime's own)
    """Greet `event["name"]`, or the world."""
    name = event.get("name", "world")
    print(f"greeting {name} in request {context.aws_request_id}")
    return {"message": f"Hello, {name}!"}

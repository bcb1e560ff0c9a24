"""The soak's function: it gives the caller's token back, and says in which sandbox, and as the how-manieth there, it ran."""

import itertools
import os
from typing import Any

_numbers = itertools.count(1)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Echo the token."""
    return {"token": event["token"], "sandbox": os.getpid(), "number": next(_numbers)}

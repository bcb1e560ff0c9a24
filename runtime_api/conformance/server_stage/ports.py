"""Ports for servers that cannot choose their own, or cannot say which one they got."""

from __future__ import annotations

import contextlib
import random
import socket

# Below those that systems give to connections: one of them may be gone again before a server has started.
_PORTS = range(10_240, 32_768)


def free_ports(count: int) -> list[int]:
    """So many different ones, on which nobody listens at this moment."""
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)

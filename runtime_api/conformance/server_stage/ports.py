"""Ports for servers that cannot choose their own, or cannot say which one they got."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
from collections.abc import Iterator

# Below those that systems give to connections: one of them may be gone again before a server has started.
_PORTS = range(10_240, 32_768)


def _drawn() -> Iterator[int]:
    # Every one of them before any comes again: a port is free until its server listens, and two scenarios must not share it.
    yield from itertools.cycle(random.sample(_PORTS, len(_PORTS)))


_draws = _drawn()


def free_ports(count: int) -> list[int]:
    """So many different ones, on which nobody listens at this moment, and that nobody in this process was given lately."""
    found: list[int] = []
    while len(found) < count:
        port = next(_draws)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found

from __future__ import annotations

import socket

from runtime_api.conformance.server_stage.ports import free_ports


def test_ports_are_different_and_free() -> None:
    """None of those that a system gives to connections that are made meanwhile."""
    found = free_ports(20)
    assert len(set(found)) == 20
    assert max(found) < 32_768
    for port in found:
        socket.create_server(("127.0.0.1", port)).close()


def test_no_port_is_given_twice() -> None:
    """Nobody listens on it before its server has started, and another scenario would be judged by that one."""
    found = [port for _ in range(500) for port in free_ports(2)]
    assert len(set(found)) == 1000

"""The function of the server mode: a bootstrap without a will of its own.

Strategy: it connects to the suite, tells it where and as what it was started, and from then on does what it is told, one JSON object a
line: open a connection to the Runtime API, listen for telemetry, print, exit. What goes over those connections is relayed untouched,
each over one of its own to the suite, so that the suite speaks the Runtime API byte by byte from inside the environment, wherever that
is. Ends when the suite does. Standard library only; the suite writes it into the function's folder as `bootstrap`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

ADDRESS_FILE = "suite.address"
ENV_ADDRESS = "CONFORMANCE_SUITE"
_PIECE_BYTES = 256 * 1024
_DIAL_S = 10.0


class Agent:
    """One start of the bootstrap. `address` is host, port and secret of the suite."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        self._suite = (host, port)
        self._secret = secret
        self._sockets: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._control = self._connect({"environment": dict(os.environ), "pid": os.getpid()})

    def obey(self) -> None:
        """Do what the suite says until it hangs up."""
        for line in self._control.makefile("r", encoding="utf-8"):
            order = json.loads(line)
            getattr(self, f"do_{order['do']}")(order)

    def do_dial(self, order: dict[str, Any]) -> None:
        """Relay a new connection to the Runtime API; one that cannot be had is closed at once."""
        ours = self._connect({"channel": order["channel"]})
        try:
            host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
            theirs = socket.create_connection((host, int(port)), _DIAL_S)
        except (OSError, ValueError, KeyError):
            ours.close()
            return
        self._relay(order["channel"], ours, theirs)

    def do_hang_up(self, order: dict[str, Any]) -> None:
        """End a relayed connection, both ways at once."""
        for end in self._sockets.pop(order["channel"], ()):
            _end(end)
        self._report(order)

    def do_listen(self, order: dict[str, Any]) -> None:
        """Listen on a port of this environment's own, and relay who comes."""
        listener = socket.create_server(("", 0))
        threading.Thread(target=self._accept, args=(listener, order["channel"]), daemon=True).start()
        self._report(order, port=listener.getsockname()[1])

    def do_print(self, order: dict[str, Any]) -> None:
        """Print a text on standard output."""
        print(order["text"], flush=True)
        self._report(order)

    def do_exit(self, order: dict[str, Any]) -> None:
        """End with a status, at once."""
        os._exit(order["status"])

    def _accept(self, listener: socket.socket, channel: int) -> None:
        while True:
            theirs, _ = listener.accept()
            self._relay(0, self._connect({"accepted": channel}), theirs)

    def _relay(self, channel: int, ours: socket.socket, theirs: socket.socket) -> None:
        theirs.settimeout(None)
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[channel] = (ours, theirs)
        for source, sink in ((ours, theirs), (theirs, ours)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def _connect(self, hello: dict[str, Any]) -> socket.socket:
        connection = socket.create_connection(self._suite, _DIAL_S)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(json.dumps({**hello, "secret": self._secret}).encode() + b"\n")
        return connection

    def _report(self, order: dict[str, Any], **result: object) -> None:
        self._control.sendall(json.dumps({"done": order["number"], **result}).encode() + b"\n")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE_BYTES):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
        return
    # A reset on one side is one on the other, as far as that can be told.
    _end(source)
    _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def suite_address() -> tuple[str, int, str]:
    """Host, port and secret, from the environment or from the file beside this one. Raises OSError and ValueError."""
    beside = Path(__file__).resolve().parent / ADDRESS_FILE
    place, secret = (os.environ.get(ENV_ADDRESS) or beside.read_text()).split()
    host, _, port = place.rpartition(":")
    return host, int(port), secret


if __name__ == "__main__":
    try:
        agent = Agent(*suite_address())
    except (OSError, ValueError) as error:
        sys.exit(f"bootstrap: the conformance suite is not there: {error}")
    agent.obey()
    os._exit(0)

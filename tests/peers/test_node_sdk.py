"""AWS's SDK for JavaScript as a caller of InvokeWithResponseStream."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.servers import Server, pilotlight

FUNCTION = Path(__file__).parent.parent / "clients" / "streamer"
CALLER = Path(__file__).parent / "node_caller" / "stream.js"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose function streams."""
    with pilotlight(FUNCTION, "--timeout", "20", function="streamer") as running:
        yield running


def _stream(node_sdk: tuple[str, str], server: Server, function: str, event: object) -> list[Any]:
    node, packages = node_sdk
    command = [node, str(CALLER), packages, server.url, function, json.dumps(event)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_stream(node_sdk: tuple[str, str], server: Server) -> None:
    """Its pieces, and an end with the log and no error."""
    head, *pieces, end = _stream(node_sdk, server, "streamer", {"pieces": 3, "pause_s": 0.01})
    assert head == [200, "$LATEST"]
    assert [piece.split()[0] for piece in pieces] == ["0", "1", "2"]
    assert list(end) == ["LogResult"]


def test_an_error_on_the_way(node_sdk: tuple[str, str], server: Server) -> None:
    """The piece before it is there, and the error at the end."""
    _, _piece, end = _stream(node_sdk, server, "streamer", {"pieces": 1, "fail": True})
    assert (end["ErrorCode"], json.loads(end["ErrorDetails"])["errorType"]) == ("Unhandled", "LookupError")


def test_a_refusal(node_sdk: tuple[str, str], server: Server) -> None:
    """An exception the SDK knows by name."""
    assert _stream(node_sdk, server, "nobody", {}) == ["ResourceNotFoundException"]

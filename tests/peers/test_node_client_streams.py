"""AWS's Node.js runtime client behind our server, with a handler that streams: errors are in trailers, each POST on a new connection."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.servers import Server, pilotlight

FUNCTION = Path(__file__).parent / "node_function"


@pytest.fixture(scope="module")
def server(node_client: tuple[str, str]) -> Iterator[Server]:
    """Our server around it."""
    command = shlex.join([*node_client, "app.stream"])
    with pilotlight(FUNCTION, "--command", command, "--timeout", "20", function="node_function") as running:
        yield running


def _stream(server: Server, event: object) -> tuple[bytes, Any]:
    client = server.client()
    answer = client.invoke_with_response_stream(FunctionName="node_function", Payload=json.dumps(event))
    *pieces, end = list(answer["EventStream"])
    client.close()
    return b"".join(piece["PayloadChunk"]["Payload"] for piece in pieces), end["InvokeComplete"]


def test_a_stream_and_an_error_on_the_way(server: Server) -> None:
    """Each as the function made it, from one process that goes on."""
    assert _stream(server, {}) == (b"call 1 answered", {})
    body, end = _stream(server, {"do": "raise"})
    assert (body, json.loads(end["ErrorDetails"])["errorType"]) == (b"call 2 ", "RangeError")
    assert _stream(server, {}) == (b"call 3 answered", {})

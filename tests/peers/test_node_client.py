"""AWS's Node.js runtime client behind our server."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers import Server, pilotlight

from .conftest import invoke

FUNCTION = Path(__file__).parent / "node_function"


@pytest.fixture(scope="module")
def server(node_client: tuple[str, str]) -> Iterator[Server]:
    """Our server around it."""
    command = shlex.join([*node_client, "app.handler"])
    with pilotlight(FUNCTION, "--command", command, "--timeout", "20", function="node_function") as running:
        yield running


def test_success(server: Server) -> None:
    """It answers one event after another, under the request ids the callers are told."""
    first, second = invoke(server, {"name": "ä"}), invoke(server, {})
    assert (first.value["event"], first.value["request_id"]) == ({"name": "ä"}, first.request_id)
    assert second.value["call"] == first.value["call"] + 1


def test_function_error(server: Server) -> None:
    """Its error report reaches the caller, and the sandbox goes on."""
    before = invoke(server, {}).value
    answer = invoke(server, {"do": "raise"})
    assert answer.is_function_error
    assert (answer.value["errorType"], answer.value["errorMessage"]) == ("RangeError", "no such bird: kestrel")
    assert invoke(server, {}).value["call"] == before["call"] + 2

"""The peers, as `make peers` installs them; without them their tests are skipped, and say so."""

import json
import shutil
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.peers import emulator_path, node_client_path, node_sdk_path
from benchmarks.servers import REPOSITORY, Server

PEERS = REPOSITORY / ".peers"


class Answer(NamedTuple):
    """What a server answered."""

    value: Any
    is_function_error: bool
    request_id: str | None


def invoke(server: Server, event: object) -> Answer:
    """Call the server's function, on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", server.path, json.dumps(event))
        response = connection.getresponse()
        value = json.loads(response.read())
    finally:
        connection.close()
    return Answer(value, "X-Amz-Function-Error" in response.headers, response.headers.get("x-amzn-RequestId"))


@pytest.fixture(scope="session")
def emulator_program() -> Path:
    """AWS's emulator."""
    program = emulator_path(PEERS)
    if program is None:
        pytest.skip("AWS's emulator is not installed: `make peers` installs it, on Linux")
    return program


@pytest.fixture(scope="session")
def node_client() -> tuple[str, str]:
    """The command that starts AWS's Node.js runtime client, without the handler."""
    node, script = shutil.which("node"), node_client_path(PEERS)
    if node is None or script is None:
        pytest.skip("AWS's Node.js client is not installed: `make peers` says what it needs")
    return node, str(script)


@pytest.fixture(scope="session")
def node_sdk() -> tuple[str, str]:
    """Node.js, and the folder of packages that holds AWS's SDK for JavaScript."""
    node, modules = shutil.which("node"), node_sdk_path(PEERS)
    if node is None or modules is None:
        pytest.skip(
            "AWS's SDK for JavaScript is not installed: `make peers` installs it where there is Node.js 20 or newer"
        )
    return node, str(modules)

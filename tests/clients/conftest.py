"""One server for all callers, and the callers: boto3, the AWS CLI, and plain HTTP."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.servers import Server, pilotlight

PROBE = Path(__file__).parent / "probe"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def value(self) -> Any:  # noqa: ANN401  (any JSON)
        """The body, decoded."""
        return json.loads(self.body)


class Http:
    """A caller that sends what it is told, on a connection of its own for each call."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(
        self,
        body: bytes | None = b"{}",
        path: str | None = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request."""
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        try:
            connection.request(method, path or self._server.path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes, *, half_close: bool = True) -> bytes:
        """Send bytes as they are, and with `half_close` say that no more will come; what comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self._server.port), timeout=30) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server."""
    data = str(tmp_path_factory.mktemp("data"))
    with pilotlight(PROBE, "--timeout", "20", "--data-dir", data, function="probe") as running:
        yield running


@pytest.fixture(scope="session")
def full_server() -> Iterator[Server]:
    """A server whose function may have no sandbox at all, so that every call finds all of them busy."""
    with pilotlight(PROBE, "--concurrency", "0", function="probe") as running:
        yield running


@pytest.fixture(scope="session")
def http(server: Server) -> Http:
    """Plain HTTP."""
    return Http(server)


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Any]:
    """boto3, without retries."""
    made = server.client()
    yield made
    made.close()


@pytest.fixture(scope="session")
def full_client(full_server: Server) -> Iterator[Any]:
    """boto3 at the server that is always full."""
    made = full_server.client()
    yield made
    made.close()


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The AWS CLI: `aws("invoke", …)` is `aws lambda invoke … --endpoint-url …`."""
    program = str(Path(sys.executable).with_name("aws"))
    environment = {**os.environ, **CREDENTIALS, "AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_MAX_ATTEMPTS": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [program, "lambda", *arguments, "--endpoint-url", server.url]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run

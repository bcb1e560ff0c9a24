"""AWS's Python runtime client behind our server."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers import AWSLAMBDARIC, Server, pilotlight

from .conftest import invoke

FUNCTION = Path(__file__).parent / "function"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Our server around it, with the shortest timeout that no start trips over."""
    with pilotlight(FUNCTION, "--command", shlex.join(AWSLAMBDARIC), "--timeout", "1.5") as running:
        yield running


def test_success(server: Server) -> None:
    """It answers, under the request id the caller is told."""
    answer = invoke(server, {"name": "ä"})
    assert (answer.value["event"], answer.is_function_error) == ({"name": "ä"}, False)
    assert answer.value["request_id"] == answer.request_id


def test_function_error(server: Server) -> None:
    """Its error report reaches the caller, and the sandbox goes on."""
    before = invoke(server, {}).value
    answer = invoke(server, {"do": "raise"})
    assert (answer.value["errorType"], answer.is_function_error) == ("KeyError", True)
    assert invoke(server, {}).value["pid"] == before["pid"]


def test_timeout(server: Server) -> None:
    """A handler that hangs is ended, and the next call has a new sandbox."""
    before = invoke(server, {}).value
    answer = invoke(server, {"do": "hang"})
    assert answer.is_function_error
    assert answer.value == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 1.50 seconds",
    }
    assert invoke(server, {}).value["pid"] != before["pid"]


def test_exit(server: Server) -> None:
    """A process that ends in the middle of an event is reported with its exit status."""
    answer = invoke(server, {"do": "exit"})
    assert answer.is_function_error
    assert answer.value == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status 3",
    }
    assert invoke(server, {}).value["call"] == 1

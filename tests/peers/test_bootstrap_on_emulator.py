"""AWS's emulator drives our bootstrap: the function side speaks what others wrote the platform side of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers import BOOTSTRAP, Server, emulator

from .conftest import invoke

FUNCTION = Path(__file__).parent / "function"


@pytest.fixture(scope="module")
def server(emulator_program: Path) -> Iterator[Server]:
    """The emulator around our bootstrap. It takes one call at a time, and two at once end it."""
    with emulator(emulator_program, FUNCTION, BOOTSTRAP) as running:
        yield running


def test_cold_and_warm(server: Server) -> None:
    """The first call and the next are answered by one sandbox."""
    cold, warm = (invoke(server, {"name": "ä"}).value for _ in range(2))
    assert cold["event"] == warm["event"] == {"name": "ä"}
    assert (warm["pid"], warm["call"]) == (cold["pid"], cold["call"] + 1)
    assert warm["request_id"] != cold["request_id"]


def test_function_error(server: Server) -> None:
    """An exception arrives as AWS's own client words it, and the sandbox goes on."""
    error = invoke(server, {"do": "raise"}).value
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'no such bird: kestrel'")
    assert 'raise KeyError("no such bird: kestrel")' in "".join(error["stackTrace"])
    assert invoke(server, {}).value["event"] == {}

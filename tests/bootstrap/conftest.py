"""Fixtures: a fake Runtime API, and a function that the bootstrap runs against it in a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI
from .function import Function
from .twin import Twin, twins

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
PYENV = Path.home() / ".pyenv" / "versions"


@pytest.fixture
def api() -> Iterator[FakeRuntimeAPI]:
    """A Runtime API on a free port."""
    server = FakeRuntimeAPI()
    yield server
    server.close()


@pytest.fixture
def function(api: FakeRuntimeAPI, tmp_path: Path) -> Iterator[Function]:
    """A function in an empty folder, run by the interpreter that runs the tests."""
    made = Function(api, tmp_path)
    yield made
    made.kill()


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    """The same function under awslambdaric and under the bootstrap."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    with twins(tmp_path) as made:
        yield made


@pytest.fixture(params=VERSIONS)
def any_python(request: pytest.FixtureRequest, function: Function) -> Function:
    """The same function once for each supported interpreter that pyenv has."""
    found = sorted(PYENV.glob(f"{request.param}.*/bin/python"))
    if not found:
        pytest.skip(f"no CPython {request.param} below {PYENV}")
    function.python = str(found[-1])
    return function

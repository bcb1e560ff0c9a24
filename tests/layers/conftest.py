"""Fixtures: the interpreters there are, and a Runtime API for what is built."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.interpreter.probe import Interpreter, probe
from tests.bootstrap.fake_runtime_api import FakeRuntimeAPI
from tests.bootstrap.function import Function

PYENV = Path.home() / ".pyenv" / "versions"


def need_python(minor: str) -> Interpreter:
    """A CPython of that version, or the test is skipped."""
    if sys.version_info[:2] == tuple(map(int, minor.split("."))):
        return probe(sys.executable)
    found = sorted(PYENV.glob(f"{minor}.*/bin/python{minor}"))
    if not found:
        pytest.skip(f"no CPython {minor} below {PYENV}")
    return probe(str(found[-1]))


def need_layer_tools() -> None:
    """The programs that make an interpreter movable, or the test is skipped."""
    missing = [program for program in ("patchelf", "strip") if shutil.which(program) is None]
    if missing or not sys.platform.startswith("linux"):
        pytest.skip(f"{', '.join(missing) or 'Linux'} is missing: `make peers` installs it on Debian, as root")


@pytest.fixture(scope="session")
def running() -> Interpreter:
    """The interpreter that runs the tests."""
    return probe(sys.executable)


@pytest.fixture
def api() -> Iterator[FakeRuntimeAPI]:
    """A Runtime API on a free port."""
    server = FakeRuntimeAPI()
    yield server
    server.close()


@pytest.fixture
def function(api: FakeRuntimeAPI, tmp_path: Path) -> Iterator[Function]:
    """A function in an empty folder, which all may read."""
    made = Function(api, tmp_path)
    made.environ["PATH"] = f"{os.environ['PATH']}:/opt/bin"
    yield made
    made.kill()

"""What all tests share."""

from __future__ import annotations

import shutil
import signal
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from benchmarks.servers import nats

# The same examples every time: what fails here fails everywhere. `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("steady")

# Whoever is run in the background ignores these, and so would every program a test starts and then interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

needs_nats_server = pytest.mark.skipif(shutil.which("nats-server") is None, reason="nats-server is not installed")


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS server, one for all tests."""
    if shutil.which("nats-server") is None:
        pytest.skip("nats-server is not installed")
    with nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture
def queue_url(nats_url: str) -> str:
    """A queue on it that no other test has."""
    return f"{nats_url}/{uuid.uuid4().hex}"

"""Every command of the page about function URLs is run as it stands there, but for the port."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.servers import REPOSITORY, Server, pilotlight

PAGE = (REPOSITORY / "docs" / "urls.md").read_text()
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the page is written in it")
BLOCKS = re.findall(r"```(?:sh|toml)\n(.*?)```", PAGE, re.DOTALL)


def curl(server: Server, command: str) -> str:
    """What a caller's command prints."""
    command = command.replace(":9000", f":{server.port}")
    done = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("serve", "answer"),
    [
        (0, '{"message":"Hello, Ada!"}{"message":"Hallo, Ada!"}'),
        (4, "number,square\n1,1\n2,4\n3,9\n"),
        (6, '{"message":"Hello, Ada!"}'),
    ],
)
def test_a_server_answers(serve: int, answer: str) -> None:
    """A command that serves, and below it those that call."""
    path, *options = shlex.split(BLOCKS[serve])[2:]
    with pilotlight(REPOSITORY / path, "--timeout", "20", *options) as server:
        assert curl(server, BLOCKS[serve + 1]).startswith(answer)


def test_a_file_sets_a_url(tmp_path: Path) -> None:
    """The page's settings, and the preflight they answer."""
    settings, preflight = BLOCKS[2:4]
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    (tmp_path / "pilotlight.toml").write_text(settings)
    with pilotlight(tmp_path) as server:
        answer = curl(server, preflight)
    assert answer.startswith("HTTP/1.1 200 OK")
    assert {"Access-Control-Allow-Methods: GET,POST", "Access-Control-Max-Age: 300"} <= set(answer.splitlines())


def test_every_block_is_run() -> None:
    """No block of the page is left out here."""
    assert len(BLOCKS) == 8

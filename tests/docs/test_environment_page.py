"""Every command and program of the page about the execution environment is run as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime_api.sandbox.isolation.conftest import needs_bubblewrap

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "environment.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the example is written in it")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the examples in it."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command of the page, run to its end."""
    return subprocess.run(
        ["bash", "-euc", command], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        pytest.param("bubblewrap", "Hello, world!", marks=needs_bubblewrap),
        pytest.param("examples/extension", "Hello, Ada!", marks=needs_curl),
        ("--log-format json", "Hello, world!"),
    ],
)
def test_a_command_answers(checkout: Path, word: str, answer: str) -> None:
    """With the function's result on standard output."""
    [command] = [command for command in COMMANDS if word in command]
    done = run(command, checkout)
    assert (done.returncode, answer in done.stdout) == (0, True), done.stderr


def test_every_command_is_run() -> None:
    """No command of the page is left out here."""
    assert len(COMMANDS) == 4


@pytest.mark.parametrize(("imports", "status"), [("", 0), ("import aiohttp\n", 1)])
def test_a_clean_interpreter_shows_what_is_missing(tmp_path: Path, imports: str, status: int) -> None:
    """A function that stands alone answers there; one that needs what Pilotlight happens to bring does not."""
    app = tmp_path / "examples" / "hello" / "app.py"
    app.parent.mkdir(parents=True)
    app.write_text(imports + (ROOT / "examples" / "hello" / "app.py").read_text())
    [command] = [command for command in COMMANDS if "venv" in command]
    done = run(command, tmp_path)
    assert (done.returncode, "No module named 'aiohttp'" in done.stdout) == (status, bool(status)), done.stderr


@pytest.mark.parametrize("isolation", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_the_listener_listens(checkout: Path, isolation: str) -> None:
    """The page's telemetry extension, in a layer, tells of the invocation it was sent; on either isolation."""
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    extension = checkout / "layer" / "extensions" / "telemetry"
    extension.parent.mkdir(parents=True)
    extension.write_text(program)
    extension.chmod(0o755)
    done = run(f"pilotlight run examples/hello --layer layer --isolation {isolation}", checkout)
    assert done.returncode == 0, done.stderr
    told = " ".join(line for line in done.stderr.splitlines() if line.startswith("telemetry:"))
    assert {"platform.initStart", "platform.start", "platform.runtimeDone", "platform.report"} <= set(told.split())

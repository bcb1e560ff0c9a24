"""Every block of the page about configuration is read or run as it stands there, and no key is missing from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.servers import pilotlight
from runtime_api.config.toml import tables
from tests.runtime_api.config.files import read, refusal, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text()
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def blocks(language: str) -> list[str]:
    """The page's blocks in a language."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the code, the layers and the variables the blocks name."""
    for name in ("orders", "v1", "v2"):
        write(tmp_path / name / "app.py")
    (tmp_path / "layers" / "shared").mkdir(parents=True)
    write(tmp_path / "orders.env", "TABLE=other\n")
    return tmp_path


def test_the_files_are_read(folder: Path) -> None:
    """Each declares what the page says."""
    whole, versions = (read(write(folder / "pilotlight.toml", block)) for block in blocks("toml"))
    assert (whole.names, whole.functions[0].environment) == (["orders", "legacy"], {"TABLE": "orders"})
    assert [function.version for function in versions.functions] == ["$LATEST", "1", "2"]
    assert [alias.additional_weights for alias in versions.aliases] == [{"2": 0.1}]


def test_the_template_is_read(folder: Path) -> None:
    """With its alias and its destination."""
    [template] = blocks("yaml")
    [alias] = read(write(folder / "template.yaml", template)).aliases
    assert alias.event_invoke is not None
    assert alias.event_invoke.on_failure == "arn:aws:sqs:us-east-1:123456789012:Failed"


def test_the_error_is_the_one_shown(folder: Path) -> None:
    """Word for word."""
    said = refusal(write(folder / "pilotlight.toml", "[functions.orders]\n\ntimout = 3\n"))
    assert f"```\n{said}\n```" in PAGE


@pytest.mark.parametrize("table", [getattr(tables, name) for name in dir(tables) if name.endswith("Table")])
def test_every_key_is_there(table: type[msgspec.Struct]) -> None:
    """Of every table."""
    listed = set(re.findall(r"`(\w+)`", PAGE))
    assert {field.encode_name for field in msgspec.structs.fields(table)} <= listed


def test_the_commands_run() -> None:
    """One serves until it is ended, the other prints the function's result."""
    serve, run = blocks("sh")
    assert serve == "pilotlight serve examples/versions --port 0\n"
    with pilotlight(ROOT / "examples" / "versions") as server:
        assert "greeting:live" in server.log()
    done = subprocess.run(["bash", "-euc", run], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["stage"] == "live", done.stderr

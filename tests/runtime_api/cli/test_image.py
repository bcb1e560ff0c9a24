"""`pilotlight image build` on the command line; what is built is tested beside `container/`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from container.context import HERE
from runtime_api.cli.image import command

# Writes down what it was told, and whether the context was there.
ENGINE = """#!/bin/sh
echo "$@" > "$TOLD"
for last; do :; done
ls "$last" >> "$TOLD"
exit $STATUS
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an engine was told: the only one on the PATH, a podman."""
    engine = tmp_path / "podman"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    folder = tmp_path / "bin"
    folder.mkdir()
    engine.rename(folder / "podman")
    (folder / "ls").symlink_to("/bin/ls")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("STATUS", "0")
    return tmp_path / "told"


def run(*arguments: str) -> Result:
    """The command's end."""
    return CliRunner().invoke(command, ["build", *arguments], standalone_mode=False)


def test_it_builds_with_what_is_there(told: Path) -> None:
    """The engine gets tag, base, options of its own and a folder with the context, which is gone after that."""
    done = run("--tag", "mine:1", "--base", "debian", "--", "--platform", "linux/arm64")
    assert (done.return_value, "built mine:1" in done.stdout) == (0, True)
    line, *context = told.read_text().splitlines()
    assert line.startswith("build --tag=mine:1 ")
    assert "--build-arg=BASE=debian --platform linux/arm64 /" in line
    assert context == ["bootstrap", "container", "runtime_api"]
    assert not Path(line.split()[-1]).exists()


def test_the_base_it_names_is_that_of_the_dockerfile() -> None:
    """The help and the file say the same."""
    [base] = re.findall(r"^ARG BASE=docker.io/library/(\S+)$", (HERE / "Dockerfile").read_text(), re.MULTILINE)
    assert f"{base} when left out" in " ".join(run("--help").stdout.split())


def test_an_engine_that_fails_is_exit_code_3(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its status."""
    monkeypatch.setenv("STATUS", "125")
    done = run()
    assert (done.return_value, told.exists()) == (3, True)
    assert done.stderr == "pilotlight: podman ended with status 125; what it said is above\n"


def test_no_engine_is_exit_code_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the names of those that would do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run()
    assert (done.return_value, "docker, podman or buildah" in done.stderr) == (3, True)

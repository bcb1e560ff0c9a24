"""The action for GitHub: its steps are run here as a runner would run them, with a stand-in for the program."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
INSTALL, JUDGE, KEEP = ACTION["runs"]["steps"]
STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" > "$RUNNER_TEMP/arguments"
mkdir -p conformance
echo '## judged' > conformance/summary.md
exit "$STATUS"
"""
Judge = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Runs the step that judges: its exit status, what the program was called with, and the job's summary."""
    program = tmp_path / "pilotlight" / "bin" / "pilotlight"
    program.parent.mkdir(parents=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    summary = tmp_path / "summary"
    summary.touch()

    def run(status: int = 0, **inputs: str) -> tuple[int, list[str], str]:
        runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary), "STATUS": str(status)}
        environment = {name: _filled(text, inputs) for name, text in JUDGE["env"].items()}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", JUDGE["run"]]
        done = subprocess.run(shell, cwd=tmp_path, env={**os.environ, **runner, **environment}, timeout=20, check=False)
        arguments = tmp_path / "arguments"
        called = arguments.read_text().splitlines() if arguments.exists() else []
        return done.returncode, called, summary.read_text()

    return run


def _filled(text: str, inputs: dict[str, str]) -> str:
    given = {name: declared["default"] for name, declared in ACTION["inputs"].items()} | inputs
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: given[found[1]], text)


def test_a_runtime_is_judged_by_its_command(judge: Judge) -> None:
    """Its words are told apart as in a shell, but nothing in them is run; the summary is the job's."""
    status, called, summary = judge(command="sh -c 'exec \"$0\" $(touch here)' ./my-runtime", strict="true")
    options = ["conform", "runtime", "--out", "conformance", "--strict", "--"]
    assert (status, called, summary) == (
        0,
        [*options, "sh", "-c", 'exec "$0" $(touch here)', "./my-runtime"],
        "## judged\n",
    )


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        ({"spawn": "my-server {port}"}, ["--spawn", "my-server {port}"]),
        ({"url": "http://127.0.0.1:1", "task": "my task"}, ["--url", "http://127.0.0.1:1", "--task", "my task"]),
        ({"config": "c.toml", "baseline": "b.toml"}, ["--config", "c.toml", "--baseline", "b.toml"]),
    ],
)
def test_what_is_given_is_passed_on(judge: Judge, inputs: dict[str, str], arguments: list[str]) -> None:
    """And nothing for what is not."""
    _, called, _ = judge(mode="server", **inputs)
    assert called == ["conform", "server", "--out", "conformance", *arguments]


@pytest.mark.parametrize("code", [1, 2, 3])
def test_the_exit_code_is_the_programs(judge: Judge, code: int) -> None:
    """With the summary all the same: that is where the failures are."""
    status, _, summary = judge(code, command="./bootstrap")
    assert (status, summary) == (code, "## judged\n")


def test_a_command_that_cannot_be_told_apart_fails(judge: Judge) -> None:
    """Half of it must not be judged."""
    status, called, _ = judge(command="./bootstrap 'one")
    assert (status != 0, called) == (True, [])


def test_no_input_is_pasted_into_a_script() -> None:
    """Inputs come by the environment, so that none of them is a program; and the reports are kept whatever happens."""
    assert not [step["run"] for step in (INSTALL, JUDGE) if "${{" in step["run"]]
    assert KEEP["if"] == "always()"
    assert set(re.findall(r"inputs\.(\w+)", str(ACTION["runs"]))) == set(ACTION["inputs"])

"""What an interpreter says of itself, and what is said when it is none."""

import os
import sys
from pathlib import Path

import pytest

from layers.errors import InterpreterUnusable
from layers.interpreter.probe import Interpreter, probe


def fake(prefix: Path, script: str) -> Path:
    """A prefix whose python3 is a shell script."""
    (prefix / "bin").mkdir(parents=True)
    program = prefix / "bin" / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return prefix


def test_an_interpreter_describes_itself(running: Interpreter) -> None:
    """Its version, its prefix whatever environment it is in, and where its library is."""
    assert running.version.startswith(f"3.{sys.version_info[1]}.")
    assert (running.minor, running.prefix) == (f"3.{sys.version_info[1]}", sys.base_prefix)
    assert Path(running.stdlib, "os.py").is_file()
    assert os.path.realpath(sys.executable) == running.executable


def test_a_prefix_and_a_path_name_the_same(running: Interpreter) -> None:
    """So does a virtual environment."""
    assert probe(running.prefix) == probe(running.executable) == probe(sys.prefix) == running


def test_a_prefix_without_a_python3_has_the_newest_one(tmp_path: Path) -> None:
    """3.13 comes after 3.9, whatever the alphabet says."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.9").write_text("")
    (tmp_path / "bin" / "python3.13").symlink_to(sys.executable)
    assert probe(str(tmp_path)).minor == f"3.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo hello", "does not answer as a Python does"),
        ("echo wrong place >&2; exit 3", "cannot be run: wrong place"),
        ("exit 3", "cannot be run: status 3"),
        (f"exec {sys.executable} - | sed s/cpython/pypy/", "is pypy: only CPython can be shipped"),
    ],
)
def test_what_is_no_interpreter_we_can_ship(tmp_path: Path, script: str, message: str) -> None:
    """Each says what it is."""
    with pytest.raises(InterpreterUnusable, match=message):
        probe(str(fake(tmp_path / "prefix", script)))


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    """The bootstrap would not run on it."""
    old = f'exec {sys.executable} - | sed \'s/"version": "[^"]*"/"version": "3.9.18"/\''
    with pytest.raises(InterpreterUnusable, match=r"is Python 3\.9\.18: the bootstrap needs 3\.10 or newer"):
        probe(str(fake(tmp_path / "prefix", old)))


def test_a_version_names_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: Interpreter) -> None:
    """The one of that name on PATH."""
    (tmp_path / "python3.77").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert probe("3.77") == probe("python3.77") == running


def test_what_is_no_python_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was asked is not repeated, and one that hangs is not waited for long."""
    with pytest.raises(InterpreterUnusable, match=r"ls (cannot be run|does not answer as a Python does): [^\n{]*$"):
        probe("/bin/ls")
    monkeypatch.setattr("layers.interpreter.probe._LIMIT_S", 0.2)
    with pytest.raises(InterpreterUnusable, match=r"python3 does not answer within 0\.2 s, as a Python does$"):
        probe(str(fake(tmp_path / "prefix", "exec tail -f /dev/null")))


def test_the_next_on_path_is_asked_when_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: Interpreter
) -> None:
    """A shim may stand for a version that is not installed; alone it is what is told."""
    shims = fake(tmp_path / "shims", "echo 'pyenv: python3: command not found' >&2; exit 127") / "bin"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{shims}:{tmp_path / 'bin'}")
    assert probe("python3") == running
    monkeypatch.setenv("PATH", str(shims))
    with pytest.raises(InterpreterUnusable, match="python3 cannot be run: pyenv: python3: command not found"):
        probe("python3")


def test_an_empty_prefix_and_an_unknown_name(tmp_path: Path) -> None:
    """What was looked for is said."""
    with pytest.raises(InterpreterUnusable, match=r"is not the prefix of a Python: there is no bin/python3 in it"):
        probe(str(tmp_path))
    with pytest.raises(InterpreterUnusable, match=r"there is no interpreter 'python3\.99': name a prefix"):
        probe("python3.99")

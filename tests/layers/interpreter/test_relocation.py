"""What is said when the programs that make objects movable are missing or fail."""

from pathlib import Path

import pytest

from layers.entries import PROGRAM, Entry
from layers.errors import ToolFailed, ToolMissing
from layers.interpreter.relocation import relocated
from tests.layers.conftest import need_layer_tools


def test_a_missing_program_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is done."""
    (tmp_path / "strip").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"patchelf is not installed: install the package patchelf \(Debian: apt"):
        relocated([], "lib")


def test_what_a_program_says_is_passed_on() -> None:
    """With its name."""
    need_layer_tools()
    with pytest.raises(ToolFailed, match=r"strip ended with status 1: .*file format not recognized"):
        relocated([Entry("bin/a", b"no object", PROGRAM)], "lib")

"""Compiled companions: valid whatever their time, independent of the machine, with the paths of Lambda."""

import importlib.util
import marshal
import sys
from pathlib import Path
from types import CodeType

import msgspec
import pytest

from layers.compiled import compile_entries, without_sources
from layers.entries import Entry
from layers.interpreter.probe import Interpreter

from .conftest import need_python

SOURCE = b'''"""Text."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
def check(value: int) -> bool:
    """More."""
    assert value in {"a", "b", "c"}
    return True
'''
HEADER_BYTES = 16


def code_of(pyc: bytes) -> CodeType:
    """The code in a .pyc of the running version."""
    code = marshal.loads(pyc[HEADER_BYTES:])
    assert isinstance(code, CodeType)
    return code


def test_a_companion_is_valid_without_a_look_at_its_source(running: Interpreter) -> None:
    """Its header says unchecked hash, and the hash is the source's; tracebacks show where Lambda has it."""
    entries = compile_entries([Entry("lib/a.py", SOURCE), Entry("data.txt", b"")], "/opt", running).entries
    assert [entry.path for entry in entries] == [f"lib/__pycache__/a.{sys.implementation.cache_tag}.pyc"]
    pyc = entries[0].content
    assert pyc[:4] == importlib.util.MAGIC_NUMBER
    assert pyc[4:8] == b"\x01\0\0\0"
    assert pyc[8:16] == importlib.util.source_hash(SOURCE)
    assert code_of(pyc).co_filename == "/opt/lib/a.py"


def test_ordinary_code_keeps_everything_and_lean_code_what_runs(running: Interpreter) -> None:
    """Docstrings, assertions, annotations and what is for type checkers are left out of lean code only."""
    ordinary, lean = (
        compile_entries([Entry("a.py", SOURCE)], "/opt", running, lean=lean).entries[0].content
        for lean in (False, True)
    )
    assert code_of(ordinary).co_consts[0] == "Text."
    assert all(text in ordinary for text in (b"More.", b"value", b"bool"))
    assert not any(text in lean for text in (b"Text.", b"More.", b"bool", b"typing"))
    assert len(lean) < len(ordinary)


def test_a_source_that_cannot_be_compiled_is_told(running: Interpreter) -> None:
    """The others are compiled; a source of another encoding is read as Python reads it."""
    found = compile_entries(
        [Entry("bad.py", b"print 1"), Entry("nul.py", b"a\0"), Entry("latin.py", b"# coding: latin-1\na = '\xe4'\n")],
        "/var/task",
        running,
    )
    assert [entry.path.split(".")[0] for entry in found.entries] == ["__pycache__/latin"]
    assert sorted(found.failures) == ["bad.py", "nul.py"]
    assert "print" in found.failures["bad.py"]


@pytest.mark.parametrize("minor", ["3.10", "3.11", "3.12", "3.13"])
def test_the_same_bytes_whatever_else_is_compiled(minor: str) -> None:
    """Each version compiles for itself; what a process did before leaves no trace."""
    interpreter = need_python(minor)
    source = b"import os\ndef f(self, path):\n    return os.path.join(path, 'name', 'self')\n" + SOURCE
    many = [Entry(f"{number}.py", source + b"x%d = 1\n" % number) for number in range(8)]
    alone = compile_entries([Entry("m.py", source)], "/opt", interpreter).entries[0]
    among = compile_entries([*many, Entry("m.py", source)], "/opt", interpreter).entries
    assert alone in among
    assert alone.path == f"__pycache__/m.cpython-{minor.replace('.', '')}.pyc"


def test_what_an_interpreter_needs_to_start_is_left_to_it(
    running: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shared build is found by LD_LIBRARY_PATH; settings that change what is compiled are not passed on."""
    picky = tmp_path / "python"
    picky.write_text(
        f'#!/bin/sh\n[ -n "$LD_LIBRARY_PATH" ] && [ -z "$PYTHONOPTIMIZE" ] && exec {running.executable} "$@"\n'
    )
    picky.chmod(0o755)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    needy = msgspec.structs.replace(running, executable=str(picky))
    assert compile_entries([Entry("a.py", b"")], "/opt", needy).failures == {}


def test_companions_may_stand_alone(running: Interpreter) -> None:
    """In the places of their sources, from where they are imported."""
    compiled = compile_entries([Entry("p/a.py", b""), Entry("p/__init__.py", b"")], "/opt", running)
    assert [entry.path for entry in without_sources(compiled)] == ["p/__init__.pyc", "p/a.pyc"]

"""Which files of an interpreter go in, and what is taken out of them."""

from pathlib import Path

import msgspec
import pytest

from layers.entries import PROGRAM, Entry
from layers.errors import InterpreterUnusable, SourceRefused
from layers.interpreter.probe import Interpreter
from layers.interpreter.standard_library import interpreter_entries, without_traces

FILES = (
    "os.py", "email/__init__.py", "asyncio/tests/test_all.py", "test/support.py", "tkinter/__init__.py", "idlelib/x.py",
    "__pycache__/os.cpython-313.pyc", "config-3.13-x86_64-linux-gnu/Makefile", "site-packages/pip/__init__.py", "LICENSE.txt",
    "lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so", "lib-dynload/_testcapi.cpython-313-x86_64-linux-gnu.so",
    "lib-dynload/_tkinter.cpython-313-x86_64-linux-gnu.so", "lib-dynload/readline.cpython-313-x86_64-linux-gnu.so",
)  # fmt: skip


@pytest.fixture
def interpreter(tmp_path: Path, running: Interpreter) -> Interpreter:
    """A prefix with files of all kinds."""
    library = tmp_path / "lib64" / "python3.13"
    for name in FILES:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.13").write_bytes(b"program")
    return msgspec.structs.replace(
        running,
        version="3.13.1",
        prefix=str(tmp_path),
        stdlib=str(library),
        executable=str(tmp_path / "bin" / "python3.13"),
        build_folders=("/tmp/build/Python-3.13.1", ""),
    )


def test_what_goes_in(interpreter: Interpreter) -> None:
    """The program and the library, where the interpreter will look for it; no tests, graphics, installers, consoles."""
    entries = interpreter_entries(interpreter)
    assert entries[0] == Entry("bin/python3.13", b"program", PROGRAM)
    assert [entry.path.removeprefix("lib64/python3.13/") for entry in entries[1:]] == [
        "LICENSE.txt",
        "email/__init__.py",
        "lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so",
        "os.py",
    ]


def test_a_prefix_without_a_library_is_refused(interpreter: Interpreter) -> None:
    """As one is that keeps it elsewhere, from where it cannot be moved along."""
    Path(interpreter.stdlib, "os.py").unlink()
    with pytest.raises(InterpreterUnusable, match=r"has no standard library: there is no os\.py in"):
        interpreter_entries(interpreter)
    Path(interpreter.stdlib, "os.py").touch()
    elsewhere = msgspec.structs.replace(interpreter, prefix="/nowhere")
    with pytest.raises(InterpreterUnusable, match="keeps its standard library elsewhere"):
        interpreter_entries(elsewhere)


def test_a_link_out_of_the_library_is_refused(interpreter: Interpreter) -> None:
    """It is named."""
    Path(interpreter.stdlib, "email", "link.py").symlink_to("/etc/passwd")
    with pytest.raises(SourceRefused, match=r"email/link\.py is a symbolic link that leads out"):
        interpreter_entries(interpreter)


def test_texts_name_the_new_place(interpreter: Interpreter) -> None:
    """In place of where it was installed and where it was built."""
    text = f"prefix={interpreter.prefix}/lib src=/tmp/build/Python-3.13.1/Lib".encode()
    changed = without_traces(Entry("a.py", text), interpreter, "/opt/ours")
    assert changed.content == b"prefix=/opt/ours/lib src=/opt/ours/Lib"
    untouched = Entry("b.py", b"nothing")
    assert without_traces(untouched, interpreter, "/opt/ours") is untouched


def test_strings_in_objects_keep_their_places(interpreter: Interpreter) -> None:
    """What follows a string stays where it was."""
    old = interpreter.prefix.encode()
    content = b"\x7fELF\0" + old + b"/lib\0next\0-L" + old + b" -I" + old + b"/include\0end"
    changed = without_traces(Entry("a.so", content), interpreter, "/opt/o").content
    gap = b"\0" * (len(old) - len(b"/opt/o"))
    assert changed == b"\x7fELF\0/opt/o/lib" + gap + b"\0next\0-L/opt/o -I/opt/o/include" + gap + gap + b"\0end"
    assert len(changed) == len(content)


@pytest.mark.parametrize("begins", [b"", b"\x7fELF\0"])
def test_a_folder_that_only_begins_alike_stays(interpreter: Interpreter, begins: bytes) -> None:
    """In texts and in objects."""
    content = begins + interpreter.prefix.encode() + b"-other/lib\0"
    assert without_traces(Entry("a", content), interpreter, "/opt/o").content == content


def test_a_prefix_that_everybody_has_stays(interpreter: Interpreter) -> None:
    """`/usr` is in texts for other reasons, too."""
    shared = msgspec.structs.replace(interpreter, prefix="/usr")
    entry = Entry("a.py", b"#!/usr/bin/env python")
    assert without_traces(entry, shared, "/opt/ours") is entry

"""Which files of an interpreter go into a layer, and how what they tell of the machine they come from is taken out.

Left out is what a function has no use for: tests, editors, installers, graphics, consoles, headers; and modules that bind to libraries
which Lambda does not have. Sources stay beside their compiled form: tracebacks show lines of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from layers.entries import PROGRAM, Entry, entries_of
from layers.errors import InterpreterUnusable
from layers.interpreter.elf import MAGIC
from layers.interpreter.probe import Interpreter

_NEVER = {"__pycache__", "tests"}
_AT_THE_TOP = {
    "test", "idlelib", "ensurepip", "tkinter", "turtledemo", "lib2to3", "pydoc_data", "curses", "turtle.py",
    "site-packages", "dist-packages", "sitecustomize.py", "EXTERNALLY-MANAGED",
}  # fmt: skip
_MODULES = {"_tkinter", "nis", "_crypt", "readline", "_curses", "_curses_panel"}
_TEST_MODULES = ("_test", "xx", "_xxtest", "_ctypes_test")
_SUFFIXES = (".a", ".exe", ".bat")
# Prefixes that tell nothing of anybody.
_PUBLIC_PREFIXES = ("/", "/usr", "/usr/local")


def interpreter_entries(interpreter: Interpreter) -> list[Entry]:
    """The program and its standard library, by their paths below the prefix; raises InterpreterUnusable, SourceRefused."""
    library, prefix = Path(interpreter.stdlib), Path(interpreter.prefix).resolve()
    if not (library / "os.py").is_file():
        raise InterpreterUnusable(f"{interpreter.prefix} has no standard library: there is no os.py in {library}")
    if not library.is_relative_to(prefix):
        raise InterpreterUnusable(f"{interpreter.prefix} keeps its standard library elsewhere, in {library}")
    below = library.relative_to(prefix)
    program = Entry(f"bin/python{interpreter.minor}", Path(interpreter.executable).read_bytes(), PROGRAM)
    return [program, *_library_entries(library, str(below))]


def _library_entries(library: Path, below: str) -> Iterator[Entry]:
    for entry in entries_of(library, lambda path: _is_left_out(path, library)):
        yield msgspec.structs.replace(entry, path=f"{below}/{entry.path}")


def _is_left_out(path: Path, library: Path) -> bool:
    name, top = path.name, path.relative_to(library).parts[0]
    if name in _NEVER or top in _AT_THE_TOP or top.startswith("config-") or name.endswith(_SUFFIXES):
        return True
    module = name.partition(".")[0]
    return path.suffix == ".so" and (module in _MODULES or module.startswith(_TEST_MODULES))


def without_traces(entry: Entry, interpreter: Interpreter, prefix: str) -> Entry:
    """The entry with `prefix` in place of the folders the interpreter was built and installed in."""
    content = entry.content
    for folder in _private_folders(interpreter):
        if folder.encode() in content:
            is_object = content.startswith(MAGIC)
            content = (_in_object if is_object else _in_text)(content, folder.encode(), prefix.encode())
    return entry if content is entry.content else msgspec.structs.replace(entry, content=content)


def _private_folders(interpreter: Interpreter) -> list[str]:
    folders = {interpreter.prefix, *interpreter.build_folders}
    return sorted(
        (folder for folder in folders if folder.startswith("/") and folder not in _PUBLIC_PREFIXES), reverse=True
    )


def _in_object(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace within strings, each in its place: they end with a zero, and more zeros after it change nothing."""
    if len(new) > len(old):
        return content

    def replaced(string: re.Match[bytes]) -> bytes:
        return _in_text(string[0], old, new).ljust(len(string[0]), b"\0")

    return re.sub(re.escape(old) + rb"[^\0]*", replaced, content)


def _in_text(content: bytes, old: bytes, new: bytes) -> bytes:
    # /opt/py is not meant where /opt/pypy stands.
    return re.sub(re.escape(old) + rb"(?![\w.+-])", lambda _: new, content)

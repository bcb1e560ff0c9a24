"""The libraries an interpreter needs beside those of glibc, found as the loader would find them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from layers.errors import InterpreterUnusable
from layers.interpreter import elf
from layers.interpreter.probe import Interpreter

# glibc and its loader belong together and to the system; every Lambda has them.
_SYSTEMS_OWN = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libutil.so", "libresolv.so", "ld-linux")
_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/usr/local/lib64")


def libraries_of(objects: dict[Path, bytes], interpreter: Interpreter) -> dict[str, bytes]:
    """Every library the objects need, and those need in turn, by name; raises InterpreterUnusable when one is not there.

    `objects` are the contents of files of this machine by their paths.
    """
    found: dict[str, bytes] = {}
    waiting = [(path, elf.read(content, str(path))) for path, content in objects.items()]
    while waiting:
        path, needing = waiting.pop()
        for name in needing.libraries:
            if name not in found and not name.startswith(_SYSTEMS_OWN):
                place, found[name], library = _find(name, path, needing, interpreter)
                waiting.append((place, library))
    return found


def _find(name: str, path: Path, needing: elf.Object, interpreter: Interpreter) -> tuple[Path, bytes, elf.Object]:
    for folder in _search(path, needing, interpreter):
        place = folder / name
        if place.is_file():
            content = place.read_bytes()
            library = elf.read(content, str(place))
            if library.kind == needing.kind:
                return place, content, library
    raise InterpreterUnusable(
        f"{path} needs the library {name}, which is not on this machine: install it, or take another interpreter"
    )


def _search(path: Path, needing: elf.Object, interpreter: Interpreter) -> Iterator[Path]:
    for folder in needing.search:
        yield Path(folder.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(path.parent)))
    yield Path(interpreter.prefix) / "lib"
    for folder in _FOLDERS:
        yield Path(folder) / interpreter.multiarch
        yield Path(folder)

"""The runtime layer: our bootstrap with an interpreter of its own, for `provided.al2023`.

Strategy: the interpreter is an input. Its program, standard library and the libraries they need move to /opt/pilotlight, stripped and
with ways to each other that hold there; the function's own layers keep /opt/python and /opt/lib. /opt/bootstrap, which Lambda starts
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html), is a Python script for exactly that interpreter, so that no shell is
needed and no time lost in one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from layers.bootstrap_files import bootstrap_entries
from layers.compiled import compile_entries
from layers.contents import Component, Contents
from layers.entries import PROGRAM, Entry, Progress, no_progress
from layers.interpreter import elf
from layers.interpreter.libraries import libraries_of
from layers.interpreter.probe import Interpreter
from layers.interpreter.relocation import check_tools, relocated
from layers.interpreter.standard_library import interpreter_entries, without_traces
from layers.layer import FOLDER, OPT, Built, pilotlight_component, pilotlight_version, start_lines, write_layer

BOOTSTRAP = "bootstrap"
PREFIX = f"{OPT}/{FOLDER}"
RUNTIME = f"{FOLDER}/runtime"
LIBRARIES = f"{FOLDER}/lib"


def build_runtime_layer(output: Path, interpreter: Interpreter, progress: Progress = no_progress) -> Built:
    """Write the layer; raises BuildRefused."""
    check_tools()
    step = "making the interpreter movable"
    progress(step, 0, 1)
    files, libraries = interpreter_files(interpreter)
    progress(step, 1, 1)
    ours = bootstrap_entries(RUNTIME)
    glibc = max((elf.read(entry.content, entry.path).glibc for entry in files if _is_object(entry)), default=())
    compiled = compile_entries(files, OPT, interpreter, progress)
    ours += compile_entries(ours, OPT, interpreter, progress, lean=True).entries
    start = Entry(BOOTSTRAP, _start_script(interpreter).encode(), PROGRAM)
    entries = [start, *files, *compiled.entries, *ours]
    contents = Contents(
        "runtime",
        pilotlight_version(),
        [interpreter.version],
        interpreter.architecture,
        ".".join(map(str, glibc)),
    )
    notes = [f"Not compiled: {path}: {why}" for path, why in compiled.failures.items()]
    notes.append(f"Create the function with --runtime provided.al2023 --architectures {interpreter.architecture}.")
    return write_layer(entries, contents, _components(interpreter, libraries), output, progress, notes)


def interpreter_files(interpreter: Interpreter) -> tuple[list[Entry], list[Entry]]:
    """All of the interpreter as it is to be in the layer, not compiled; and of that the libraries; raises BuildRefused."""
    found = interpreter_entries(interpreter)
    objects = {_origin(entry, interpreter): entry.content for entry in found if _is_object(entry)}
    entries = [msgspec.structs.replace(entry, path=f"{FOLDER}/{entry.path}") for entry in found]
    names = sorted(libraries_of(objects, interpreter).items())
    entries += [Entry(f"{LIBRARIES}/{name}", content, PROGRAM) for name, content in names]
    moved = {entry.path: entry for entry in relocated([entry for entry in entries if _is_object(entry)], LIBRARIES)}
    entries = [_finished(moved.get(entry.path, entry), interpreter) for entry in entries]
    places = {f"{LIBRARIES}/{name}" for name, _ in names}
    return entries, [entry for entry in entries if entry.path in places]


def _finished(entry: Entry, interpreter: Interpreter) -> Entry:
    entry = without_traces(entry, interpreter, PREFIX)
    if _is_object(entry):
        return msgspec.structs.replace(entry, content=elf.within_limit(entry.content, entry.path))
    return entry


def _origin(entry: Entry, interpreter: Interpreter) -> Path:
    if entry.path.startswith("bin/"):
        return Path(interpreter.executable)
    return Path(interpreter.prefix) / entry.path


def _is_object(entry: Entry) -> bool:
    return not entry.is_link and entry.content.startswith(elf.MAGIC)


def _start_script(interpreter: Interpreter) -> str:
    return f"""#!{PREFIX}/bin/python{interpreter.minor}
import sys

if __name__ == "__main__":
    sys.path[0] = _folder = "{OPT}/{RUNTIME}"
{start_lines("/__init__.py")}"""


def _components(interpreter: Interpreter, libraries: list[Entry]) -> list[Component]:
    purl = f"pkg:generic/cpython@{interpreter.version}"
    return [
        pilotlight_component(),
        Component("cpython", interpreter.version, "platform", "Python-2.0", purl),
        *(Component(Path(entry.path).name, sha256=hashlib.sha256(entry.content).hexdigest()) for entry in libraries),
    ]

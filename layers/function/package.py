"""The zip of a function: its folder and its dependencies beside each other, compiled, without what only its author needs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from layers.archive import write_zip
from layers.compiled import compile_entries
from layers.contents import Contents
from layers.entries import Entry, Progress, entries_of, no_progress, sizes_of
from layers.errors import SourceRefused
from layers.function.built_here import check_nothing_is_built
from layers.function.dependencies import install, maybe_uv, without_traces
from layers.function.machines import check_machines
from layers.function.requirements import Requirements, check_python, maybe_requirements
from layers.function.target import TASK_ROOT, Target
from layers.interpreter.probe import Interpreter
from layers.layer import Built, pilotlight_version
from layers.limits import check_sizes, check_unzipped

_CACHES = {"__pycache__", "node_modules"}
_TESTS = "tests"
_SUFFIXES = (".pyc", ".pyo", ".egg-info")
_SOURCES = "src"
_SHOWN = 3


class Package(msgspec.Struct, frozen=True):
    """What to make a zip of. `interpreter` compiles, if there is one, and is of the target's version."""

    folder: Path
    target: Target
    interpreter: Interpreter | None
    requirements: Path | None = None
    find_links: tuple[Path, ...] = ()
    keeps_tests: bool = False
    uses_uv: bool = True


def build_package(package: Package, output: Path, progress: Progress = no_progress) -> Built:
    """Write the zip; raises BuildRefused."""
    notes: list[str] = []
    own = _own_entries(package, output, notes)
    entries = _together(own, _dependencies(package, notes, progress))
    if package.interpreter is not None:
        compiled = compile_entries(entries, TASK_ROOT, package.interpreter, progress)
        entries += compiled.entries
        notes += _failures(compiled.failures)
    unzipped_bytes = check_unzipped(entries)
    zipped_bytes = write_zip(entries, output, progress)
    contents = Contents("function", pilotlight_version(), [package.target.python], package.target.architecture)
    return Built(output, contents, len(entries), zipped_bytes, unzipped_bytes, notes)


def _own_entries(package: Package, output: Path, notes: list[str]) -> list[Entry]:
    if not os.path.isdir(package.folder):
        raise SourceRefused(f"{package.folder} is not a folder: name the one with the function")
    # Layers and earlier packages, built in the function's folder.
    ours = os.path.realpath(output)
    zips = {path for path in package.folder.glob("*.zip") if os.path.realpath(path) != ours}

    def leaves_out(path: Path) -> bool:
        is_built = path in zips or os.path.realpath(path) == ours
        return path.name.startswith(".") or is_built or _is_for_authors(path, package)

    sizes_bytes = sizes_of(package.folder, leaves_out)
    if not sizes_bytes:
        raise SourceRefused(f"{package.folder} has no files: name the folder with the function")
    _check_names(sizes_bytes)
    # Before they are read: somebody's data may be larger than memory.
    check_sizes(sizes_bytes)
    found = list(entries_of(package.folder, leaves_out))
    notes += _what_is_odd(package.folder, found, sorted(path.name for path in zips))
    return found


def _check_names(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(path).decode(errors="backslashreplace")
            raise SourceRefused(f"{shown} is not a name in UTF-8, as a zip needs it: give the file another") from None


def _what_is_odd(folder: Path, entries: list[Entry], zips: list[str]) -> list[str]:
    notes = [f"Left out: {', '.join(zips)}. Zips the function needs belong in a folder below."] if zips else []
    if not any(entry.path.endswith(".py") and "/" not in entry.path for entry in entries):
        named = f", such as {folder / _SOURCES}" if (folder / _SOURCES).is_dir() else ""
        notes.append(
            f"No .py file is at the top of {folder}: if the handler's is further down, name its folder{named}."
        )
    return notes


def _is_for_authors(path: Path, package: Package) -> bool:
    is_tests = path.name == _TESTS and not package.keeps_tests
    return path.name in _CACHES or is_tests or path.suffix in _SUFFIXES or os.path.isfile(path / "pyvenv.cfg")


def _dependencies(package: Package, notes: list[str], progress: Progress) -> list[Entry]:
    requirements = maybe_requirements(package.folder, package.requirements)
    check_python(package.requirements.parent if package.requirements else package.folder, package.target)
    if requirements is None:
        return []
    if requirements.are_locked and not package.uses_uv:
        raise SourceRefused(
            f"{requirements.file} is read by uv, not by pip: leave --pip out, or name a requirements.txt with --requirements"
        )
    uv = maybe_uv() if package.uses_uv else None
    check_nothing_is_built(requirements, package.target)
    step = f"installing what {requirements.file.name} asks for"
    progress(step, 0, 1)
    with tempfile.TemporaryDirectory(prefix="pilotlight-package-") as scratch:
        found = install(requirements, package.target, Path(scratch, "files"), package.find_links, uv)
    progress(step, 1, 1)
    notes += _how_chosen(requirements, uv)
    kept = [entry for entry in found if package.keeps_tests or f"/{_TESTS}/" not in f"/{entry.path}"]
    check_machines(kept, package.target)
    return without_traces(kept)


def _how_chosen(requirements: Requirements, uv: str | None) -> list[str]:
    if uv is not None:
        return [f"Dependencies of {requirements.file.name}, by uv."]
    # https://github.com/pypa/pip/issues/11664
    return [
        f"Dependencies of {requirements.file.name}, by pip, which judges conditions such as python_version by this machine's Python: "
        "uv does so by the target's (pip install uv)."
    ]


def _together(own: list[Entry], dependencies: list[Entry]) -> list[Entry]:
    """Both lists; raises SourceRefused where they differ on a file."""
    theirs = {entry.path: entry for entry in dependencies}
    clashes = [entry.path for entry in own if entry.path in theirs and theirs[entry.path] != entry]
    if clashes:
        raise SourceRefused(
            f"{', '.join(clashes[:_SHOWN])} is in the function's folder and in a dependency, and not the same: "
            "take it out of the folder, or the dependency out of the requirements"
        )
    paths = {entry.path for entry in own}
    return own + [entry for entry in dependencies if entry.path not in paths]


def _failures(failures: dict[str, str]) -> list[str]:
    shown = [f"Not compiled: {path}: {why}" for path, why in list(failures.items())[:_SHOWN]]
    more = len(failures) - len(shown)
    return [*shown, *([f"Not compiled: {more} more"] if more > 0 else [])]

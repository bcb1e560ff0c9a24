"""What a function depends on, by its own account: a lock file, requirements.txt or pyproject.toml, whichever says it best."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from layers.errors import SourceRefused
from layers.function.python_range import allows
from layers.function.target import Target

# In this order: what names versions comes first.
NAMES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
_PIPENV = ("Pipfile", "Pipfile.lock")
_Read = TypeVar("_Read")


class Requirements(msgspec.Struct, frozen=True):
    """Where they are written, and for a pyproject.toml what it says."""

    file: Path
    dependencies: list[str] = []

    @property
    def are_locked(self) -> bool:
        """Whether the file is a lock file."""
        return self.file.name == "uv.lock" or self.file.name.startswith("pylock.")


class _Project(msgspec.Struct):
    dependencies: list[str] = []
    dynamic: list[str] = []
    requires_python: str = msgspec.field(default="", name="requires-python")


class _Poetry(msgspec.Struct):
    dependencies: dict[str, Any] = {}


class _Tool(msgspec.Struct):
    poetry: _Poetry = msgspec.field(default_factory=_Poetry)


class _Pyproject(msgspec.Struct):
    project: _Project | None = None
    tool: _Tool = msgspec.field(default_factory=_Tool)


class _Pipfile(msgspec.Struct):
    packages: dict[str, Any] = {}


def maybe_requirements(folder: Path, named: Path | None = None) -> Requirements | None:
    """Those of a folder, or of a file that was named; None when it says nothing; raises SourceRefused."""
    if named is not None and not os.path.isfile(named):
        raise SourceRefused(f"{named} is not a file: name a requirements.txt, a pyproject.toml or a lock file")
    file = named or next((folder / name for name in NAMES if os.path.isfile(folder / name)), None)
    if file is not None and file.name != "pyproject.toml":
        return Requirements(file)
    found = None if file is None else _of_project(file)
    if found is None and named is None:
        _check_pipenv(folder)
    return found


def _check_pipenv(folder: Path) -> None:
    file = next((folder / name for name in _PIPENV if os.path.isfile(folder / name)), None)
    # A Pipfile may be for its tests alone.
    if file is not None and (file.name == "Pipfile.lock" or _read(file, _Pipfile).packages):
        raise SourceRefused(
            f"{file} is read by Pipenv: write its dependencies to a requirements.txt first (pipenv requirements > requirements.txt)"
        )


def check_python(folder: Path, target: Target) -> None:
    """Raise SourceRefused when the pyproject.toml of a folder is for other versions of Python than the target's."""
    file = folder / "pyproject.toml"
    project = _read(file, _Pyproject).project if os.path.isfile(file) else None
    if project is not None and not allows(project.requires_python, target.python):
        raise SourceRefused(
            f"{file} asks for Python {project.requires_python}, and the function is for {target.python}: "
            "name another with --python-version"
        )


def _of_project(file: Path) -> Requirements | None:
    read = _read(file, _Pyproject)
    project = read.project or _Project()
    if read.project is None and (file.parent / "poetry.lock").is_file():
        raise SourceRefused(f"{file} has no [project] table: export the lock file to a requirements.txt first")
    if "dependencies" in project.dynamic:
        raise SourceRefused(f"{file} leaves its dependencies to a build tool: write them to a requirements.txt")
    if not project.dependencies and read.tool.poetry.dependencies.keys() - {"python"}:
        raise SourceRefused(f"{file} has its dependencies in Poetry's table: write them to a requirements.txt first")
    options = [each for each in project.dependencies if each.lstrip().startswith("-")]
    if options:
        raise SourceRefused(f"{file} has {options[0]!r} among its dependencies, which is an option: take it out")
    return Requirements(file, project.dependencies) if project.dependencies else None


def _read(file: Path, kind: type[_Read]) -> _Read:
    try:
        return msgspec.toml.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise SourceRefused(f"{file} cannot be read: {error}") from None

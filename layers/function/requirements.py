"""What a function depends on, by its own account: a lock file, requirements.txt or pyproject.toml, whichever says it best."""

from __future__ import annotations

from pathlib import Path

import msgspec

from layers.errors import SourceRefused

# In this order: what names versions comes first.
NAMES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")


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


class _Pyproject(msgspec.Struct):
    project: _Project | None = None


def maybe_requirements(folder: Path, named: Path | None = None) -> Requirements | None:
    """Those of a folder, or of a file that was named; None when it says nothing; raises SourceRefused."""
    if named is not None and not named.is_file():
        raise SourceRefused(f"{named} is not a file: name a requirements.txt, a pyproject.toml or a lock file")
    file = named or next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if file is None:
        return None
    return _of_project(file) if file.name == "pyproject.toml" else Requirements(file)


def _of_project(file: Path) -> Requirements | None:
    try:
        project = msgspec.toml.decode(file.read_bytes(), type=_Pyproject).project
    except (msgspec.DecodeError, ValueError) as error:
        raise SourceRefused(f"{file} cannot be read: {error}") from None
    if project is None:
        if (file.parent / "poetry.lock").is_file():
            raise SourceRefused(f"{file} has no [project] table: export the lock file to a requirements.txt first")
        return None
    if "dependencies" in project.dynamic:
        raise SourceRefused(f"{file} leaves its dependencies to a build tool: write them to a requirements.txt")
    return Requirements(file, project.dependencies) if project.dependencies else None

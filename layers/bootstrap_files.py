"""The bootstrap's own files, found where they are installed and copied as they are; the package is never imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from layers.entries import Entry, entries_of
from layers.errors import SourceRefused


def bootstrap_entries(below: str) -> list[Entry]:
    """The Python files of the bootstrap, in the folder `below`; raises SourceRefused."""
    return [
        Entry(f"{below}/{entry.path}", entry.content)
        for entry in entries_of(_folder(), lambda path: path.name == "__pycache__")
        if entry.path.endswith(".py")
    ]


def _folder() -> Path:
    spec = importlib.util.find_spec("bootstrap")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not (Path(folders[0]) / "start.py").is_file():
        raise SourceRefused("the package `bootstrap` of pilotlight is not installed beside it: install pilotlight anew")
    return Path(folders[0])

"""Objects made fit for another place: without debug symbols, and with the way to their libraries written as seen from themselves.

The way is an RPATH and not the RUNPATH that has replaced it elsewhere: Lambda's LD_LIBRARY_PATH starts with the system's
folders, which come before a RUNPATH, so a library of another version would be taken there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

from layers.entries import Entry
from layers.errors import ToolFailed, ToolMissing

_PACKAGES = {"strip": "binutils", "patchelf": "patchelf"}
_LIMIT_S = 300


def check_tools() -> None:
    """Raises ToolMissing when a program that is needed is not installed."""
    for program, package in _PACKAGES.items():
        if shutil.which(program) is None:
            raise ToolMissing(
                f"{program} is not installed: install the package {package} (Debian: apt install {package})"
            )


def relocated(objects: list[Entry], libraries: str) -> list[Entry]:
    """The objects, stripped, looking for their libraries in the folder `libraries`; raises ToolMissing, ToolFailed."""
    check_tools()
    with tempfile.TemporaryDirectory(prefix="pilotlight-layer-") as folder:
        places = {Path(folder, str(number)): entry for number, entry in enumerate(objects)}
        for place, entry in places.items():
            place.write_bytes(entry.content)
            place.chmod(0o755)
        _run("strip", "--strip-unneeded", *map(str, places))
        for way, there in _by_way(places, libraries).items():
            _run("patchelf", "--force-rpath", "--set-rpath", way, *map(str, there))
        return [msgspec.structs.replace(entry, content=place.read_bytes()) for place, entry in places.items()]


def _by_way(places: dict[Path, Entry], libraries: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for place, entry in places.items():
        way = os.path.relpath(libraries, os.path.dirname(entry.path))
        found.setdefault("$ORIGIN" if way == "." else f"$ORIGIN/{way}", []).append(place)
    return found


def _run(program: str, *arguments: str) -> None:
    try:
        subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        raise ToolFailed(f"{program} ended with status {error.returncode}: {error.stderr.strip()}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"{program} cannot be run: {error}") from None

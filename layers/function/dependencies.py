"""Dependencies, as wheels for the target: chosen and unpacked by `uv`, or by pip where that is not installed.

Only wheels are taken. What must be compiled would be compiled for this machine, and fail on Lambda at the first import.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from layers.entries import Entry, entries_of
from layers.errors import DependencyRefused, SourceRefused, ToolFailed, ToolMissing
from layers.function.requirements import Requirements
from layers.function.target import Target

_LIMIT_S = 900
# As the two name what they cannot get.
_NAME = r"([A-Za-z0-9][A-Za-z0-9._-]*)"
_NAMES = (
    rf"No matching distribution found for {_NAME}",
    rf"[Bb]ecause (?:all versions of |only )?{_NAME}\S* (?:has|have) no .{{0,30}}wheels",
    rf"[Bb]ecause {_NAME} was not found",
    rf"[Bb]ecause there (?:are|is) no versions? of {_NAME}",
    rf"[Bb]ecause only {_NAME}\S* is available",
)
# Written by the installer, of this machine and this moment.
_INSTALLERS_OWN = {"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}


def maybe_uv() -> str | None:
    """The path of uv: on PATH, or beside the interpreter."""
    return shutil.which(
        "uv", path=os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    )


def install(
    requirements: Requirements, target: Target, into: Path, find_links: tuple[Path, ...] = (), uv: str | None = None
) -> list[Entry]:
    """Install into an empty folder and return what came of it; `without_traces` makes it fit for a zip.

    `find_links` are folders with wheels of one's own, `uv` the program to use; pip when it is None.
    Beside that folder is what the program leaves when it is broken off: whatever holds both has to go.
    Raises DependencyRefused, SourceRefused, ToolMissing, ToolFailed.
    """
    links = [f"--find-links={folder.absolute()}" for folder in find_links]
    scratch = into.parent
    arguments = _requirement_arguments(requirements, scratch, uv)
    command = _uv_command(uv, target, into) if uv else _pip_command(target, into)
    _run([*command, *links, *arguments], requirements, target, scratch)
    return list(_installed(into)) if into.is_dir() else []


def _requirement_arguments(requirements: Requirements, scratch: Path, uv: str | None) -> list[str]:
    if requirements.dependencies:
        return requirements.dependencies
    if not requirements.are_locked:
        return ["-r", str(requirements.file.absolute())]
    if uv is None:
        raise ToolMissing(f"{requirements.file} is read by uv, which is not installed: pip install uv")
    if requirements.file.name != "uv.lock":
        return ["-r", str(requirements.file.absolute())]
    exported = scratch / "requirements.txt"
    _export(uv, requirements.file, exported)
    return ["-r", str(exported)]


def _export(uv: str, lock: Path, output: Path) -> None:
    command = [uv, "export", "--frozen", "--no-dev", "--no-emit-project", "--quiet", "--format=requirements-txt"]
    done = _completed([*command, f"--output-file={output}"], lock.absolute().parent, output.parent)
    if done.returncode != 0:
        raise SourceRefused(f"{lock} cannot be read: {done.stderr.strip()}")


def _uv_command(uv: str, target: Target, into: Path) -> list[str]:
    return [
        *(uv, "pip", "install", "--quiet", "--target", str(into), "--python", sys.executable, "--link-mode=copy"),
        *("--python-version", target.python, "--python-platform", target.uv_platform, "--only-binary=:all:"),
    ]


def _pip_command(target: Target, into: Path) -> list[str]:
    platforms = [f"--platform={platform}" for platform in target.wheel_platforms]
    return [
        *(
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-compile",
        ),
        *("--target", str(into), "--python-version", target.python, "--implementation=cp", "--only-binary=:all:"),
        *platforms,
    ]


def _run(command: list[str], requirements: Requirements, target: Target, scratch: Path) -> None:
    # What a project says about its sources of packages is found from its folder.
    done = _completed(command, requirements.file.absolute().parent, scratch)
    if done.returncode == 0:
        return
    said = done.stderr.strip()
    if "No module named pip" in said:
        raise ToolMissing("neither uv nor pip is installed here: pip install uv")
    # uv wraps its explanations.
    flat = " ".join(said.split())
    name = next((found[1] for pattern in _NAMES if (found := re.search(pattern, flat))), None)
    if name is None:
        raise ToolFailed(f"the dependencies of {requirements.file} cannot be installed: {said}")
    raise DependencyRefused(
        f"{name.rstrip('.,')}, which {requirements.file} asks for, cannot be had as a wheel for {target.system}: it does not exist "
        "under this name or in this version, or has none. Ask for a version that has one, "
        f"build one on such a system (pip wheel) and name its folder with --find-links, or leave it to a layer.\n{said}"
    )


def _completed(command: list[str], folder: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            # Whoever is killed cannot clean up.
            env={**os.environ, "TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"{command[0]} cannot be run: {error}") from None


def _installed(into: Path) -> Iterator[Entry]:
    # Programs begin with the path of this machine's Python, and compiled files are made anew.
    left_out = {into / "bin", into / ".lock"}
    return entries_of(into, lambda path: path in left_out or path.name == "__pycache__" or _is_installers(path))


def _is_installers(path: Path) -> bool:
    return path.parent.suffix == ".dist-info" and path.name in _INSTALLERS_OWN


def without_traces(entries: list[Entry]) -> list[Entry]:
    """The same files, but that lists of a package's files name those only that are among them: others are of this machine."""
    paths = {entry.path for entry in entries}
    return [
        Entry(entry.path, _listed(entry.content, paths)) if entry.path.endswith(".dist-info/RECORD") else entry
        for entry in entries
    ]


def recorded(line: str) -> str:
    """The path in a line of such a list, before the file's hash and size."""
    return line.rsplit(",", 2)[0].strip('"')


def _listed(record: bytes, paths: set[str]) -> bytes:
    lines = [line for line in record.decode().splitlines() if recorded(line) in paths]
    return "".join(f"{line}\n" for line in sorted(lines)).encode()

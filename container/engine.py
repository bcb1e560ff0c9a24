"""The program that builds: docker, podman or buildah, whichever works here; and what it is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from container.context import DOCKERFILE, write_context

ENGINES = ("docker", "podman", "buildah")
# Lambda refuses an index, which is what attestations make of an image; docker takes times from the second one.
_ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "SOURCE_DATE_EPOCH": "0"}
_ASK_S, _END_S = 20, 10
DEFAULT_TAG = "pilotlight:latest"


class BuildFailed(Exception):
    """The image was not built; the message says what to do."""


def find_engine() -> str:
    """The first engine on the PATH that works; raises BuildFailed."""
    found = [engine for engine in ENGINES if shutil.which(engine)]
    if not found:
        raise BuildFailed(
            f"an image is built by {', '.join(ENGINES[:-1])} or {ENGINES[-1]}, and none of them is here: install one"
        )
    # Where nothing works, the first one says best what it lacks.
    return next(filter(_works, found), found[0])


def _works(engine: str) -> bool:
    """A client without its daemon, and an engine this user may not use, fail here already."""
    try:
        return not subprocess.run([engine, "info"], capture_output=True, timeout=_ASK_S, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def build_command(engine: str, folder: Path, tag: str, arguments: Mapping[str, str], more: Sequence[str]) -> list[str]:
    """The command line that builds the context in `folder`; `more` are options of the engine's own."""
    variables = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    same_each_time = [] if engine == "docker" else ["--timestamp=0"]
    command = [engine, "build", f"--tag={tag}", f"--file={folder / DOCKERFILE}", *same_each_time]
    return [*command, *variables, *more, str(folder)]


def build(engine: str, folder: Path, tag: str, arguments: Mapping[str, str], more: Sequence[str] = ()) -> None:
    """Write the context into an empty folder and build it; the engine's output is ours. Raises BuildFailed."""
    try:
        write_context(folder)
    except OSError as error:
        raise BuildFailed(f"the build context cannot be written to {folder}: {error.strerror or error}") from None
    command = build_command(engine, folder, tag, arguments, more)
    try:
        process = subprocess.Popen(command, env={**os.environ, **_ENVIRONMENT})
    except OSError as error:
        raise BuildFailed(f"{engine} cannot be started: {error.strerror}") from None
    try:
        status = process.wait()
    except BaseException:
        _end(process)
        raise
    if status:
        raise BuildFailed(f"{engine} ended with status {status}; what it said is above")


def _end(process: subprocess.Popen[bytes]) -> None:
    # It has containers and mounts of its own to give back.
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

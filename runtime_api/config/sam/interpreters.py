"""The interpreter a template's runtime means: the one that runs this, or another on the PATH."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache

RUNNING = f"python{sys.version_info.major}.{sys.version_info.minor}"
_OLDEST_MINOR = 10


@cache
def interpreter_called(name: str) -> str | None:
    """The path of an interpreter such as python3.12; None when there is none, or only one older than our bootstrap can use."""
    found = shutil.which(name)
    minor = name.removeprefix("python3.")
    if name == RUNNING:
        return sys.executable
    if found is None or not minor.isdigit() or int(minor) < _OLDEST_MINOR:
        return None
    try:
        # Version managers put programs on the PATH that only find the interpreter, or do not.
        asked = subprocess.run(
            [found, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None

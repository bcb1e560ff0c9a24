"""What is started in a sandbox: our bootstrap on an interpreter, the task root's own `bootstrap`, or a command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec

import runtime_api
from runtime_api.protocol.function import Function

# By the path of its file: with -m, a task root's own bootstrap.py would be started instead.
_BOOTSTRAP = Path(runtime_api.__file__).resolve().parent.parent / "bootstrap" / "__main__.py"


OLDEST_PYTHON = (3, 10)


class InterpreterUnusable(Exception):
    """The interpreter a function names cannot be run; the platform is set up wrong, not the function."""


class LaunchFailed(Exception):
    """The runtime cannot be started: what the caller reads in a `Runtime.InvalidEntrypoint`."""


class Launch(msgspec.Struct, frozen=True):
    """A program to start; `execution_env` is the value of AWS_EXECUTION_ENV, None for OS-only runtimes."""

    argv: tuple[str, ...]
    execution_env: str | None = None


def resolve_launch(function: Function) -> Launch:
    """What to start for a function; raises LaunchFailed or InterpreterUnusable."""
    if not Path(function.task_root).is_dir():
        raise LaunchFailed(f"chdir {function.task_root}: no such file or directory")
    if function.runtime == "python":
        python = function.python or sys.executable
        return Launch((python, str(_BOOTSTRAP)), f"AWS_Lambda_python{interpreter_version(python)}")
    if function.runtime == "provided":
        return Launch((_own_bootstrap(Path(function.task_root)),))
    return Launch((_find_program(function.command[0], Path(function.task_root)), *function.command[1:]))


def _own_bootstrap(task_root: Path) -> str:
    path = task_root / "bootstrap"
    if not path.is_file():
        raise LaunchFailed(f"Couldn't find valid bootstrap(s): [{path}]")
    if not os.access(path, os.X_OK):
        raise LaunchFailed(f"fork/exec {path}: permission denied (is it executable? chmod 755)")
    return str(path)


def _find_program(program: str, task_root: Path) -> str:
    if "/" in program:
        return str(task_root / program)
    # The platform's own environment last, so `python` means the user's and still exists where there is only ours.
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    found = shutil.which(program, path=search)
    if found is None:
        raise LaunchFailed(f"exec: {program!r}: executable file not found in $PATH")
    return found


@cache
def interpreter_version(python: str) -> str:
    """`3.X` of an interpreter; raises InterpreterUnusable when it cannot say."""
    if python == sys.executable:
        return f"{sys.version_info[0]}.{sys.version_info[1]}"
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise InterpreterUnusable(f"the interpreter {python!r} cannot be used: {error}") from None
    version = answer.stdout.strip()
    if tuple(map(int, version.split("."))) < OLDEST_PYTHON:
        raise InterpreterUnusable(f"the interpreter {python!r} is Python {version}: the bootstrap needs 3.10 or newer")
    return version

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
from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.surroundings.folders import OPT, Folders

BOOTSTRAP_FOLDER = Path(runtime_api.__file__).resolve().parent.parent / "bootstrap"

OLDEST_PYTHON = (3, 10)
Layers = str | os.PathLike[str] | None


class InterpreterUnusable(Exception):
    """The interpreter a function names cannot be run; the platform is set up wrong, not the function."""


class LaunchFailed(Exception):
    """The runtime cannot be started: what the caller reads in a `Runtime.InvalidEntrypoint`."""


class Launch(msgspec.Struct, frozen=True):
    """A program to start; `execution_env` is the value of AWS_EXECUTION_ENV, None for OS-only runtimes."""

    argv: tuple[str, ...]
    execution_env: str | None = None


class Interpreter(msgspec.Struct, frozen=True):
    """What an interpreter says of itself: its version, as `3.X`, and the folders it is installed in."""

    version: str
    prefixes: tuple[str, ...]


def resolve_launch(function: Function, folders: Folders) -> Launch:
    """What to start for a function, as it is seen in its folders; raises LaunchFailed or InterpreterUnusable."""
    if not Path(function.task_root).is_dir():
        raise LaunchFailed(f"chdir {function.task_root}: no such file or directory")
    if function.runtime == "python":
        python = interpreter_of(function)
        # By the path of its file: with -m, a task root's own bootstrap.py would be started instead.
        argv = (python, f"{folders.runtime_dir}/__main__.py")
        return Launch(argv, f"AWS_Lambda_python{interpreter_version(python)}")
    if function.runtime == "provided":
        return Launch((_own_bootstrap(function, folders),))
    program, *arguments = function.command
    # A path is one from the task root.
    return Launch((str(Path(folders.task_root) / find_program(program, folders.opt, folders.layers)), *arguments))


def _own_bootstrap(function: Function, folders: Folders) -> str:
    """The function's own comes before one of a layer: runtimes-custom."""
    places = {folders.task_root: function.task_root, **({folders.opt: folders.layers} if folders.layers else {})}
    for inside, here in places.items():
        path = Path(here) / "bootstrap"
        if path.is_file():
            if not os.access(path, os.X_OK):
                raise LaunchFailed(f"fork/exec {inside}/bootstrap: permission denied (is it executable? chmod 755)")
            return f"{inside}/bootstrap"
    raise LaunchFailed(f"Couldn't find valid bootstrap(s): [{' '.join(f'{inside}/bootstrap' for inside in places)}]")


def find_program(program: str, opt: str, layers: Layers) -> str:
    """The path of a command's program, where `layers` are seen as `opt`; raises LaunchFailed for a name that is nowhere."""
    if has_program(layers, program):
        return program.replace(OPT, opt, 1)
    if "/" in program:
        return program
    # The platform's own environment last, so `python` means the user's and still exists where there is only ours.
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    found = shutil.which(program, path=search)
    if found is None and has_program(layers, f"{OPT}/bin/{program}"):
        return f"{opt}/bin/{program}"
    if found is None:
        raise LaunchFailed(f"exec: {program!r}: executable file not found in $PATH")
    return found


def has_program(layers: Layers, path: str) -> bool:
    """Whether a path in /opt is of a file in the layers."""
    return layers is not None and path.startswith(f"{OPT}/") and os.path.isfile(f"{layers}{path.removeprefix(OPT)}")


def interpreter_of(function: Function) -> str:
    """The path of the interpreter a Python function runs on."""
    python = function.python or sys.executable
    return os.path.abspath(python) if "/" in python else shutil.which(python) or python


def interpreter_version(python: str) -> str:
    """`3.X` of an interpreter; raises InterpreterUnusable when it cannot say."""
    return _interpreter(python).version


def interpreter_prefixes(python: str) -> tuple[str, ...]:
    """The folders an interpreter is installed in; raises InterpreterUnusable when it cannot say."""
    return _interpreter(python).prefixes


@cache
def _interpreter(python: str) -> Interpreter:
    if python == sys.executable:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return Interpreter(version, (sys.prefix, sys.base_prefix))
    ask = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix, sys.base_prefix, sep='\\n')"
    try:
        answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise InterpreterUnusable(f"the interpreter {python!r} cannot be used: {error}") from None
    version, *prefixes = answer.stdout.strip().splitlines()
    if tuple(map(int, version.split("."))) < OLDEST_PYTHON:
        raise InterpreterUnusable(f"the interpreter {python!r} is Python {version}: the bootstrap needs 3.10 or newer")
    return Interpreter(version, tuple(prefixes))

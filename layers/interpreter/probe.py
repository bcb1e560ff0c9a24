"""What an interpreter says of itself: asked once, by running it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec

from layers.errors import InterpreterUnusable

OLDEST = (3, 10)
_LIMIT_S = 10
_ASK = """
import json, os, platform, sys, sysconfig
variables = sysconfig.get_config_vars()
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": platform.python_version(),
    "cache_tag": sys.implementation.cache_tag,
    "machine": platform.machine(),
    "prefix": sys.base_prefix,
    "stdlib": os.path.realpath(sysconfig.get_path("stdlib")),
    "executable": os.path.realpath(sys.executable),
    "build_folders": [str(variables.get(name) or "") for name in ("abs_srcdir", "abs_builddir")],
    "multiarch": str(variables.get("MULTIARCH") or ""),
}))
"""


class Interpreter(msgspec.Struct, frozen=True):
    """One CPython. Paths are absolute; `build_folders` are where it was compiled, as far as it knows."""

    implementation: str
    version: str
    cache_tag: str
    machine: str
    prefix: str
    stdlib: str
    executable: str
    build_folders: tuple[str, ...]
    multiarch: str

    @property
    def minor(self) -> str:
        """Its version as `3.X`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def architecture(self) -> str:
        """The machine by Lambda's names."""
        return {"aarch64": "arm64"}.get(self.machine, self.machine)


def probe(named: str) -> Interpreter:
    """The interpreter behind a prefix, a path, a name on PATH or a version as `3.X`; raises InterpreterUnusable."""
    refusals = []
    for program in _programs(named):
        try:
            return _asked(program)
        except InterpreterUnusable as error:
            # A shim of pyenv may be first on PATH for a version that it does not have.
            refusals.append(error)
    raise refusals[0]


def _asked(program: str) -> Interpreter:
    try:
        # By standard input: what is no Python quotes its arguments.
        answer = subprocess.run(
            [program, "-I", "-S", "-"],
            input=_ASK,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=_LIMIT_S,
            cwd="/",
        )
        found = msgspec.convert(json.loads(answer.stdout), Interpreter)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()[:1]
        raise InterpreterUnusable(
            f"{program} cannot be run: {' '.join(said) or f'status {error.returncode}'}"
        ) from None
    except subprocess.TimeoutExpired:
        raise InterpreterUnusable(f"{program} does not answer within {_LIMIT_S} s, as a Python does") from None
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise InterpreterUnusable(f"{program} does not answer as a Python does: {error}") from None
    _check(found, program)
    return found


def _programs(named: str) -> list[str]:
    """All that it may mean, in the order of PATH; never none."""
    if os.path.isdir(named):
        return [_program_in(Path(named))]
    name = f"python{named}" if re.fullmatch(r"3\.\d+", named) else named
    found = [os.path.abspath(program) for folder in os.get_exec_path() if (program := shutil.which(name, path=folder))]
    if not found:
        raise InterpreterUnusable(
            f"there is no interpreter {named!r}: name a prefix such as /usr/local, the path of a python3, or a command on PATH"
        )
    return list(dict.fromkeys(found))


def _program_in(prefix: Path) -> str:
    names = [path for path in (prefix / "bin").glob("python3*") if re.fullmatch(r"python3(\.\d+)?", path.name)]
    if not names:
        raise InterpreterUnusable(f"{prefix} is not the prefix of a Python: there is no bin/python3 in it")
    # A prefix such as /usr may hold more than one, and python3 says which is meant.
    plain = prefix / "bin" / "python3"
    return str(plain if plain in names else max(names, key=lambda path: int(path.name.removeprefix("python3."))))


def _check(found: Interpreter, program: str) -> None:
    if found.implementation != "cpython":
        raise InterpreterUnusable(f"{program} is {found.implementation}: only CPython can be shipped")
    if tuple(map(int, found.minor.split("."))) < OLDEST:
        raise InterpreterUnusable(f"{program} is Python {found.version}: the bootstrap needs 3.10 or newer")

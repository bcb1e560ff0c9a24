"""Compiled companions: a .pyc for each Python file, made by the interpreter that will read it.

Code on Lambda is read-only, so what is not compiled beforehand is compiled at every cold start, which makes it several times as long.
The files go to sibling processes in portions of a fixed size: what a portion gives depends on nothing but its files.

Code of ours is compiled lean: without docstrings, annotations and columns of lines, of which nothing reads any where it runs. That is half
its size, and the less there is to read at a start.
"""

from __future__ import annotations

import marshal
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from layers.entries import Entry, Progress, no_progress
from layers.errors import ToolFailed
from layers.interpreter.probe import Interpreter

_SCRIPT = Path(__file__).with_name("interpreter") / "compile_script.py"
_FORMAT = 2
_NO_COLUMNS = ("-X", "no_debug_ranges")
_PORTION = 60
_LIMIT_S = 600


class Compiled(msgspec.Struct, frozen=True):
    """The companions, and for sources that cannot be compiled what is wrong with them, by path."""

    entries: list[Entry]
    failures: dict[str, str]


def compile_entries(
    entries: list[Entry],
    root: str,
    interpreter: Interpreter,
    progress: Progress = no_progress,
    *,
    lean: bool = False,
) -> Compiled:
    """The .pyc of every Python file among the entries, which tracebacks will place below `root`; raises ToolFailed."""
    sources = sorted((entry for entry in entries if _is_source(entry)), key=lambda entry: entry.path)
    portions = [sources[start : start + _PORTION] for start in range(0, len(sources), _PORTION)]
    found = Compiled([], {})
    step, done = f"compiling for Python {interpreter.minor}", 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda portion: _compile(portion, root, interpreter, lean=lean), portions)
        for portion, result in zip(portions, results, strict=True):
            _sort_in(found, portion, result, interpreter.cache_tag)
            progress(step, done := done + len(portion), len(sources))
    return found


def without_sources(compiled: Compiled) -> list[Entry]:
    """The companions in the places of their sources, where they are imported alone."""
    return [msgspec.structs.replace(entry, path=_alone(entry.path)) for entry in compiled.entries]


def _alone(companion: str) -> str:
    folder, _, name = companion.partition("__pycache__/")
    return f"{folder}{name.partition('.')[0]}.pyc"


def _is_source(entry: Entry) -> bool:
    return entry.path.endswith(".py") and not entry.is_link


def _sort_in(found: Compiled, portion: list[Entry], results: list[bytes | str], cache_tag: str) -> None:
    for entry, result in zip(portion, results, strict=True):
        if isinstance(result, str):
            found.failures[entry.path] = result
        else:
            found.entries.append(Entry(_companion(entry.path, cache_tag), result))


def _companion(path: str, cache_tag: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{cache_tag}.pyc".removeprefix("/")


def _compile(portion: list[Entry], root: str, interpreter: Interpreter, *, lean: bool) -> list[bytes | str]:
    asked = [(f"{root}/{entry.path}", entry.content) for entry in portion]
    try:
        # Python 3.10 orders constant sets by the hash of their strings.
        answer = subprocess.run(
            [interpreter.executable, "-S", "-s", "-B", "-W", "ignore", *(_NO_COLUMNS if lean else ()), str(_SCRIPT)],
            input=marshal.dumps([lean, asked], _FORMAT),
            capture_output=True,
            check=True,
            timeout=_LIMIT_S,
            env={**_without_settings(os.environ), "PYTHONHASHSEED": "0"},
        ).stdout
    except subprocess.CalledProcessError as error:
        raise ToolFailed(f"{interpreter.executable} cannot compile: {error.stderr.decode(errors='replace')}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"{interpreter.executable} cannot compile: {error}") from None
    return list(_checked(marshal.loads(answer)))


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the interpreter may need to be found and started; no setting of its own, which could change what it makes."""
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}


def _checked(results: list[object]) -> Iterator[bytes | str]:
    for result in results:
        assert isinstance(result, bytes | str)
        yield result

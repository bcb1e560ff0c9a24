"""The folder of the function that the server under test is to serve: a bootstrap, and where it finds the suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runtime_api.conformance.server_stage.agent import ADDRESS_FILE

_SOURCE = Path(__file__).with_name("agent.py")
# What a kernel reads of a first line, at the least.
_FIRST_LINE_BYTES_MAX = 127


class ServerUnusable(Exception):
    """The server cannot be started or reached: what needs it cannot be judged."""


def fill_folder(folder: Path, address: str = "") -> Path:
    """Write it; without an address the bootstrap has to be told one by its environment.

    Raises OSError, and ServerUnusable where there is a bootstrap that is not the suite's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bootstrap = folder / "bootstrap"
    source = _SOURCE.read_text(encoding="utf-8")
    if bootstrap.exists() and _opening(source) not in bootstrap.read_text(encoding="utf-8", errors="replace"):
        raise ServerUnusable(f"{bootstrap} is not the suite's and would be overwritten: name an empty folder")
    _replace(bootstrap, first_lines(sys.executable) + source, 0o755)
    if address:
        _replace(folder / ADDRESS_FILE, address, 0o644)
    return folder


def first_lines(interpreter: str) -> str:
    """What makes the source after it a program; `interpreter` is any path."""
    line = f"#!{interpreter} -IS\n"
    if " " not in interpreter and len(os.fsencode(line)) <= _FIRST_LINE_BYTES_MAX:
        return line
    # To a shell the second line is all there is; to Python it is a text, which goes on with the docstring.
    return f"#!/bin/sh\n'''exec' \"{interpreter}\" -IS \"$0\" \"$@\"\n' ''' \\\n"


def _opening(source: str) -> str:
    # The same whichever version of the suite wrote it.
    return source.partition("\n")[0]


def _replace(path: Path, text: str, mode: int) -> None:
    # A bootstrap may be starting just now: it gets the old one or the new one, never half.
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(mode)
    os.replace(new, path)

"""The option that names the zip to write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def _path(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        raise click.UsageError("--output is empty: name a file, or leave it out")
    # As it was typed: a Path has no slash at its end.
    if value is not None and os.path.basename(value) in ("", "."):
        raise click.UsageError(f"--output {value} is a folder that does not exist: make it, and name a file in it")
    return None if value is None else Path(value)


def output_option(unnamed: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option, which says what the zip is called when left out."""
    return click.option(
        "--output",
        type=click.Path(dir_okay=False),
        callback=_path,
        metavar="FILE",
        help=f"Where to write the zip; {unnamed} when left out.",
    )

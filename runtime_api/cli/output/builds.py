"""What the commands that build zips print: a progress bar, a summary, and why nothing was built."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from layers.errors import BuildRefused
from layers.layer import Built
from layers.limits import UNZIPPED_LIMIT_BYTES, UPLOAD_LIMIT_BYTES, fits_upload, mib


@contextlib.contextmanager
def showing_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step, on standard error and while there is somebody to see it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        tasks: dict[str, TaskID] = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = shown.add_task(step, total=total)
            shown.update(tasks[step], completed=done, total=total)

        yield progress


def print_built(built: Built, command: str) -> None:
    """The summary: what is in the zip, how large it is, and how `command` takes it to AWS."""
    # Wide enough for any line: what is meant to be copied must not be cut or folded.
    console = Console(highlight=False, soft_wrap=True, width=1000)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _rows(built):
        if value:
            # As it is: a path may have brackets, which are markup elsewhere.
            table.add_row(name, Text(value))
    console.print(table)
    for note in built.notes:
        console.print(note, markup=False)
    for line in _upload(built, command):
        console.print(line, markup=False)


def _upload(built: Built, command: str) -> list[str]:
    if fits_upload(built.zipped_bytes):
        return [f"{command} --zip-file fileb://{built.path}"]
    key = built.path.name
    is_function = built.contents.kind == "function"
    stored = f"--s3-bucket BUCKET --s3-key {key}" if is_function else f"--content S3Bucket=BUCKET,S3Key={key}"
    return [
        f"Larger than {mib(UPLOAD_LIMIT_BYTES)}: Lambda takes it by way of S3 only.",
        f"aws s3 cp {built.path} s3://BUCKET/",
        f"{command} {stored}",
    ]


def _rows(built: Built) -> list[tuple[str, str]]:
    contents = built.contents
    return [
        ("file", str(built.path)),
        ("zipped", f"{mib(built.zipped_bytes)} of {mib(UPLOAD_LIMIT_BYTES)}"),
        ("unzipped", f"{mib(built.unzipped_bytes)} of {mib(UNZIPPED_LIMIT_BYTES)}, {built.files} files"),
        ("Python", ", ".join(contents.python)),
        ("architecture", contents.architecture or "any"),
        ("needs glibc", contents.glibc),
    ]


def refuse(error: BuildRefused) -> int:
    """Say why nothing was built; the exit code."""
    click.echo(f"pilotlight: {error}", err=True)
    return 3

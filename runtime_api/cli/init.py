"""`pilotlight init`: a new function project."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from container.project import KindName, ProjectRefused, write_project


@click.command("init")
@click.argument("name", type=click.Path(path_type=Path))
@click.option(
    "--kind", type=click.Choice(get_args(KindName)), default="plain", show_default=True, help="What the function is."
)
def command(name: Path, kind: KindName) -> int:
    """Write a new project into the folder NAME: a function, its test, a SAM template, a Dockerfile and a README."""
    try:
        files = write_project(name, kind)
    except ProjectRefused as error:
        raise click.UsageError(str(error)) from None
    for file in files:
        click.echo(name / file)
    install = "pip install -r src/requirements.txt && " if "src/requirements.txt" in files else ""
    click.echo(f"\nNext: cd {name} && {install}pilotlight serve", err=True)
    return 0

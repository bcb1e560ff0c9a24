"""`pilotlight image build`: the base image of functions."""

from __future__ import annotations

import tempfile
from importlib import metadata
from pathlib import Path

import click

from container.engine import DEFAULT_TAG, ENGINES, BuildFailed, build, find_engine


@click.group("image")
def command() -> None:
    """Build the base image of functions: a runtime on AWS Lambda, a server everywhere else."""


@command.command("build")
@click.option("--tag", default=DEFAULT_TAG, show_default=True, help="Name of the image.")
@click.option(
    "--base",
    metavar="IMAGE",
    help="What it is built on: a Linux with Python and pip; python:3.13-slim-bookworm when left out.",
)
@click.option("--engine", type=click.Choice(ENGINES), help="What builds it; the first of these that works here.")
@click.argument("options", nargs=-1)
def build_image(tag: str, base: str | None, engine: str | None, options: tuple[str, ...]) -> int:
    """Build it from this installation: its code, and its packages in the versions that are installed here.

    OPTIONS go to the engine as they are, after a --, such as -- --platform linux/arm64.
    """
    arguments = {"VERSION": metadata.version("pilotlight"), **({"BASE": base} if base else {})}
    try:
        chosen = engine or find_engine()
        with tempfile.TemporaryDirectory(prefix="pilotlight-image-") as folder:
            build(chosen, Path(folder), tag, arguments, options)
    except BuildFailed as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3
    click.echo(
        f'built {tag}. A function\'s Dockerfile: FROM {tag}, COPY its code ./, CMD its handler, as in CMD ["app.handler"]'
    )
    return 0

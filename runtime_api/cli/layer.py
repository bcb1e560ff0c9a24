"""`pilotlight layer`: layers that bring the runtime to AWS Lambda."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from layers.errors import BuildRefused
from layers.interpreter.probe import Interpreter, probe
from layers.layer import Built
from layers.runtime import build_runtime_layer
from layers.wrapper import build_wrapper_layer, minors_of
from runtime_api.cli.options.zip_file import output_option
from runtime_api.cli.output.builds import print_built, refuse, showing_progress


@click.group("layer")
def command() -> None:
    """Build the layers that bring the runtime to AWS Lambda."""


@command.command("build")
@click.option(
    "--kind",
    type=click.Choice(["wrapper", "runtime"]),
    default="wrapper",
    show_default=True,
    help="For AWS's own python3.x runtimes, or with an interpreter for provided.al2023.",
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="PREFIX|PATH|3.X",
    help="Interpreter to compile for, or to ship; this one when left out. A wrapper layer may be for several.",
)
@output_option("named after what is in it")
def build(kind: str, pythons: tuple[str, ...], output: Path | None) -> int:
    """Build a layer as a zip file, the same bytes each time."""
    if kind == "runtime" and len(pythons) > 1:
        raise click.UsageError("a runtime layer has one interpreter: give --python once")
    try:
        interpreters = [probe(python) for python in pythons or (sys.executable,)]
        built = _build(kind, interpreters, output or _name(kind, interpreters, are_named=bool(pythons)))
    except BuildRefused as error:
        return refuse(error)
    print_built(built, _command(built))
    return 0


def _build(kind: str, interpreters: list[Interpreter], output: Path) -> Built:
    with showing_progress() as progress:
        if kind == "wrapper":
            return build_wrapper_layer(output, interpreters, progress)
        return build_runtime_layer(output, interpreters[0], progress)


def _name(kind: str, interpreters: list[Interpreter], *, are_named: bool) -> Path:
    if kind == "runtime":
        return Path(f"pilotlight-python{interpreters[0].minor}-{interpreters[0].architecture}.zip")
    versions = f"-python{'-'.join(minors_of(interpreters))}" if are_named else ""
    return Path(f"pilotlight-wrapper{versions}.zip")


def _command(built: Built) -> str:
    contents = built.contents
    if contents.kind == "runtime":
        compatible = f"--compatible-runtimes provided.al2023 --compatible-architectures {contents.architecture}"
    else:
        compatible = f"--compatible-runtimes {' '.join(f'python{minor}' for minor in contents.python)}"
    return f"aws lambda publish-layer-version --layer-name pilotlight {compatible}"

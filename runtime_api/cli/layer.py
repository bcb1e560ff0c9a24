"""`pilotlight layer`: layers that bring the runtime to AWS Lambda."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from layers.errors import BuildRefused
from layers.interpreter.probe import Interpreter, probe
from layers.layer import Built
from layers.runtime import build_runtime_layer
from layers.wrapper import build_wrapper_layer
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
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the zip; named after what is in it when left out.",
)
def build(kind: str, pythons: tuple[str, ...], output: Path | None) -> int:
    """Build a layer as a zip file, the same bytes each time."""
    if kind == "runtime" and len(pythons) > 1:
        raise click.UsageError("a runtime layer has one interpreter: give --python once")
    if output == Path():
        raise click.UsageError("--output is empty: name a file, or leave it out")
    try:
        interpreters = [probe(python) for python in pythons or (sys.executable,)]
        built = _build(kind, interpreters, output)
    except BuildRefused as error:
        return refuse(error)
    print_built(built, _commands(built))
    return 0


def _build(kind: str, interpreters: list[Interpreter], output: Path | None) -> Built:
    with showing_progress() as progress:
        if kind == "wrapper":
            return build_wrapper_layer(output or Path("pilotlight-wrapper.zip"), interpreters, progress)
        one = interpreters[0]
        name = Path(f"pilotlight-python{one.minor}-{one.architecture}.zip")
        return build_runtime_layer(output or name, one, progress)


def _commands(built: Built) -> list[str]:
    contents = built.contents
    if contents.kind == "runtime":
        compatible = f"--compatible-runtimes provided.al2023 --compatible-architectures {contents.architecture}"
    else:
        compatible = f"--compatible-runtimes {' '.join(f'python{minor}' for minor in contents.python)}"
    return [f"aws lambda publish-layer-version --layer-name pilotlight --zip-file fileb://{built.path} {compatible}"]

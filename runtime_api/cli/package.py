"""`pilotlight package`: the zip of a function, with its dependencies."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from layers.errors import BuildRefused, InterpreterUnusable
from layers.function.package import Package, build_package
from layers.function.target import Architecture, Target
from layers.interpreter.probe import Interpreter, probe
from runtime_api.cli.options.zip_file import output_option
from runtime_api.cli.output.builds import print_built, refuse, showing_progress


@click.command("package")
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@output_option("FOLDER.zip in this folder")
@click.option(
    "--python-version",
    metavar="3.X",
    default=f"3.{sys.version_info[1]}",
    show_default=True,
    help="Python the function will run on.",
)
@click.option(
    "--architecture",
    type=click.Choice(["x86_64", "arm64"]),
    default="x86_64",
    show_default=True,
    help="Processor it will run on.",
)
@click.option(
    "--requirements",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="requirements.txt, pyproject.toml, uv.lock or pylock.toml; that of FOLDER when left out.",
)
@click.option(
    "--find-links",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder with wheels of your own; may be given many times.",
)
@click.option("--python", metavar="PATH", help="Interpreter to compile with; found on PATH when left out.")
@click.option("--no-compile", is_flag=True, help="Leave compiled files out: smaller, and slower to start.")
@click.option("--keep-tests", is_flag=True, help="Keep folders named tests.")
@click.option("--pip", is_flag=True, help="Use pip, also where uv is installed.")
def command(
    folder: Path,
    output: Path | None,
    python_version: str,
    architecture: Architecture,
    requirements: Path | None,
    find_links: tuple[Path, ...],
    python: str | None,
    no_compile: bool,
    keep_tests: bool,
    pip: bool,
) -> int:
    """Make a zip of the function in FOLDER and its dependencies, the same bytes each time.

    Left out are tests, caches, node_modules, virtual environments, zips beside the function, and files whose names begin with a dot.
    """
    try:
        target = Target(python_version, architecture)
        interpreter = None if no_compile else _compiler(python, target)
        package = Package(folder, target, interpreter, requirements, find_links, keep_tests, not pip)
        place = output or Path(f"{folder.resolve().name or 'function'}.zip")
        with showing_progress() as progress:
            built = build_package(package, place, progress)
    except BuildRefused as error:
        return refuse(error)
    print_built(built, "aws lambda update-function-code --function-name NAME")
    return 0


def _compiler(named: str | None, target: Target) -> Interpreter:
    """An interpreter of the target's version; raises InterpreterUnusable."""
    running = f"3.{sys.version_info[1]}"
    try:
        found = probe(named or (sys.executable if target.python == running else f"python{target.python}"))
    except InterpreterUnusable as error:
        raise InterpreterUnusable(
            f"no Python {target.python} to compile with: {error}. Name one with --python, or leave compiled files out with --no-compile"
        ) from None
    if found.minor != target.python:
        raise InterpreterUnusable(
            f"{found.executable} is Python {found.minor} and cannot compile for {target.python}: name another with --python"
        )
    return found

"""The options `run` and `serve` share, and how they become settings."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from runtime_api.config.settings import Settings, read_variables
from runtime_api.protocol import limits
from runtime_api.protocol.function import InvalidFunction

_OPTIONS = (
    click.option("--name", help="Name of the function; the folder's name when left out."),
    click.option("--handler", help="Where the handler is, such as app.handler."),
    click.option(
        "--runtime", type=click.Choice(["python", "provided"]), help="What runs the handler; found out when left out."
    ),
    click.option("--command", help="Start this program as the runtime, such as 'python -m awslambdaric app.handler'."),
    click.option("--python", metavar="PATH", help="Interpreter for the python runtime."),
    click.option(
        "--timeout",
        type=click.FloatRange(limits.TIMEOUT_MIN_MS / 1000, limits.TIMEOUT_MAX_MS / 1000),
        default=limits.TIMEOUT_DEFAULT_MS / 1000,
        show_default=True,
        metavar="SECONDS",
        help="How long one invocation may take.",
    ),
    click.option(
        "--memory",
        type=click.IntRange(limits.MEMORY_MIN_MB, limits.MEMORY_MAX_MB),
        default=limits.MEMORY_DEFAULT_MB,
        show_default=True,
        metavar="MB",
        help="Memory size the function is configured with.",
    ),
    click.option("--region", default="us-east-1", show_default=True, help="AWS region the function believes to be in."),
    click.option("--env", multiple=True, metavar="NAME=VALUE", help="Environment variable; may be given many times."),
    click.option(
        "--env-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of NAME=VALUE lines."
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(min=0),
        default=10,
        show_default=True,
        help="How many sandboxes a function may have; calls beyond get a 429.",
    ),
)


def function_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_from(flags: dict[str, Any]) -> Settings:
    """The settings the flags spell; raises click.UsageError."""
    if flags["command"] is not None and not flags["command"].strip():
        raise click.UsageError("--command is empty: name a program to start.")
    if flags["command"] and flags["runtime"]:
        raise click.UsageError("--command starts a runtime of its own: leave --runtime out.")
    try:
        return Settings(
            name=flags["name"],
            handler=flags["handler"],
            runtime=flags["runtime"],
            command=tuple(shlex.split(flags["command"] or "")),
            python=flags["python"],
            timeout_ms=round(flags["timeout"] * 1000),
            memory_mb=flags["memory"],
            environment=read_variables(flags["env"], flags["env_file"]),
            concurrency=flags["concurrency"],
        )
    except (InvalidFunction, ValueError, OSError) as error:
        raise click.UsageError(str(error)) from None

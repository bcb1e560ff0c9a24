"""The options `run` and `serve` share, and how they become settings."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from runtime_api.config.settings import Settings, read_variables
from runtime_api.protocol import limits
from runtime_api.protocol.function.function import (
    ApplicationLogLevel,
    InitKind,
    InvalidFunction,
    IsolationKind,
    LogFormatKind,
    SystemLogLevel,
    check_environment,
)


class Number(click.FloatRange):
    """A number in a range; what is infinite or no number is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Raises click.BadParameter."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number.", param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        if self.min is not None and self.min_open and number <= self.min:
            self.fail(f"{value} is too small: it must be above {self.min:g}.", param, ctx)
        return super().convert(number, param, ctx)


_OPTIONS = (
    click.option(
        "--name",
        help="Name of the function; where several are declared, the one to take. The folder's name when left out.",
    ),
    click.option("--handler", help="Where the handler is, such as app.handler."),
    click.option(
        "--runtime", type=click.Choice(["python", "provided"]), help="What runs the handler; found out when left out."
    ),
    click.option("--command", help="Start this program as the runtime, such as 'python -m awslambdaric app.handler'."),
    click.option("--python", metavar="PATH", help="Interpreter for the python runtime."),
    click.option(
        "--timeout",
        type=Number(limits.TIMEOUT_MIN_MS / 1000, limits.TIMEOUT_MAX_MS / 1000),
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
        metavar="N",
        help="Reserve so many invocations at once for a function; calls beyond get a 429, with 0 every call.",
    ),
    click.option(
        "--parameter",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="Parameter of a SAM template; may be given many times.",
    ),
    click.option(
        "--isolation",
        type=click.Choice(get_args(IsolationKind)),
        default="process",
        show_default=True,
        help="How sandboxes are kept apart: plain processes, or real /var/task, /opt and /tmp in namespaces.",
    ),
    click.option(
        "--layer",
        "layers",
        multiple=True,
        type=click.Path(exists=True, resolve_path=True),
        metavar="ZIP|FOLDER",
        help="Layer to merge into /opt; may be given up to five times, later ones win.",
    ),
    click.option(
        "--tmp-size",
        "tmp_mb",
        type=click.IntRange(limits.TMP_MIN_MB, limits.TMP_MAX_MB),
        default=limits.TMP_DEFAULT_MB,
        show_default=True,
        metavar="MB",
        help="Size of /tmp, with --isolation bubblewrap.",
    ),
    click.option("--freeze", is_flag=True, help="Stop a sandbox's processes between invocations, as Lambda does."),
    click.option(
        "--cpu-share",
        is_flag=True,
        help="Give a function the CPU its memory buys, 1769 MB for one core, where cgroups can be had.",
    ),
    click.option(
        "--init-type",
        type=click.Choice(get_args(InitKind)),
        default="on-demand",
        show_default=True,
        help="What sandboxes are initialised for; with snap-start they are restored before their first invocation.",
    ),
    click.option(
        "--max-concurrency",
        type=click.IntRange(1, limits.MAX_CONCURRENCY_LIMIT),
        metavar="N",
        help="Invocations one sandbox takes at once, as on Lambda Managed Instances.",
    ),
    click.option(
        "--tenant-isolation",
        is_flag=True,
        help="Have each call name a tenant, and never share a sandbox between tenants.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(get_args(LogFormatKind)),
        default="text",
        show_default=True,
        help="Form of the log, for the function as well as for the platform.",
    ),
    click.option(
        "--application-log-level",
        type=click.Choice(get_args(ApplicationLogLevel), case_sensitive=False),
        help="Leave out what the function logs below this, with --log-format json; INFO when left out.",
    ),
    click.option(
        "--system-log-level",
        type=click.Choice(get_args(SystemLogLevel), case_sensitive=False),
        help="Leave out what the platform logs below this, with --log-format json; INFO when left out.",
    ),
    click.option(
        "--log-group-dir",
        type=click.Path(file_okay=False),
        metavar="FOLDER",
        help="Write log streams as files here, named as in CloudWatch: aws/lambda/NAME/2026/11/21/[$LATEST]...",
    ),
    click.option(
        "--xray-daemon",
        metavar="HOST:PORT",
        help="Trace every function, and send a segment of each sampled invocation there.",
    ),
)


def function_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags somebody gave; the others only have their default, over which a file of configuration wins."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in flags.items()
        if context.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    }


def settings_from(flags: dict[str, Any]) -> Settings:
    """The settings the flags spell that were given; raises click.UsageError."""
    if flags["command"] is not None and not flags["command"].strip():
        raise click.UsageError("--command is empty: name a program to start.")
    if flags["command"] and flags["runtime"]:
        raise click.UsageError("--command starts a runtime of its own: leave --runtime out.")
    said = given(flags)
    try:
        environment = read_variables(flags["env"], flags["env_file"])
        # Here it is known that a flag said so; later it might be the file's.
        check_environment(environment)
        spelled = {
            "command": tuple(shlex.split(flags["command"] or "")) or None,
            "timeout_ms": round(said["timeout"] * 1000) if "timeout" in said else None,
            "memory_mb": said.get("memory"),
            "environment": environment or None,
        }
    except (InvalidFunction, ValueError, OSError) as error:
        raise click.UsageError(str(error)) from None
    return Settings(**{name: said[name] for name in Settings.__struct_fields__ if name in said} | spelled)

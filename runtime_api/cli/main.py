"""`pilotlight`: the group of commands, and what their endings mean.

Exit codes: 0 success, 1 a function error, 2 wrong usage, 3 the platform failed, 130 ended by Ctrl-C, 129, 131 and 143 by
SIGHUP, SIGQUIT and SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import click

_COMMANDS = {
    "run": "Invoke a function once: result on stdout, log on stderr.",
    "serve": "Serve functions on a local endpoint for boto3, the AWS CLI or curl.",
    "invoke": "Invoke a function that is being served.",
    "events": "List, show, redrive and purge asynchronous invocations.",
    "conform": "Judge a runtime or a server, case by case.",
    "layer": "Build the layers that bring the runtime to AWS Lambda.",
    "package": "Make a zip of a function and its dependencies.",
    "image": "Build the base image of functions.",
    "init": "Write a new function project.",
}


class _LazyGroup(click.Group):
    """Imports a command when it is asked for, so that each starts with what it needs and no more."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"runtime_api.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pilotlight", message="pilotlight %(version)s")
def cli() -> None:
    """Run AWS Lambda functions on this machine: no Docker, no AWS account."""


def run() -> None:
    """Run the command the arguments name, and exit as it says."""
    _clean_up_at_signals()
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _clean_up_at_signals() -> None:
    """Until a command does so itself: what is half written, or a folder of its own, goes with it."""
    signal.signal(signal.SIGINT, _leave)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever started us with nohup wants us to stay.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)


def _leave(number: int, _frame: object) -> None:
    # Whatever comes next must not break off what is cleaned up now.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)

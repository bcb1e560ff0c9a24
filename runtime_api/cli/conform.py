"""`pilotlight conform`: a verdict, case by case, on a runtime or a server.

Exit codes: 0 conforms, 1 does not, 2 wrong usage or nothing selected, 3 the harness failed, 130 ended by Ctrl-C.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from runtime_api.cli.conform_server import server_command
from runtime_api.cli.judging import (
    Docket,
    as_given,
    baseline,
    configuration,
    judge,
    judging_options,
    subject_of,
    to_judge,
    told_instead,
)
from runtime_api.cli.lifetime import run_until_signal
from runtime_api.conformance.config_file import Config, ConfigUnusable
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.runtime_stage.evidence import evidence_of
from runtime_api.conformance.runtime_stage.members import no_orphans
from runtime_api.conformance.runtime_stage.stage import play
from runtime_api.conformance.runtime_stage.surroundings import CommandMissing, absolute, handlers_at
from runtime_api.conformance.target import QUICK, SLOW, Target


@click.group("conform")
def command() -> None:
    """Judge a runtime, or a server that runtimes run on, against the Lambda Runtime API."""


command.add_command(server_command)


@command.command("runtime")
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
@click.option("--handlers", metavar="KIND|FOLDER", help="python, node, shell, or a folder with your own.")
@judging_options(RUNTIME_CASES)
def runtime_command(cmd: tuple[str, ...], handlers: str | None, **flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Judge the runtime that CMD starts: pilotlight conform runtime -- ./bootstrap

    CMD is started for every scenario, in a task root with the handlers of the testee contract and the environment Lambda gives.

    The exit code is 0 when it conforms, 1 when not, 2 for wrong usage, 3 when the harness failed.
    """
    config = configuration(RUNTIME_CASES, flags)
    if told_instead(RUNTIME_CASES, flags):
        return 0
    argv = cmd or config.command
    if not argv:
        raise click.UsageError("name the command that starts the runtime: pilotlight conform runtime -- ./bootstrap")
    try:
        docket = _docket(config, argv, handlers, flags)
    except ConfigUnusable as error:
        raise click.UsageError(str(error)) from None
    except CommandMissing as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3
    with no_orphans():
        return run_until_signal(judge(docket, flags))


def _docket(config: Config, argv: tuple[str, ...], handlers: str | None, flags: Mapping[str, Any]) -> Docket:
    base = Path() if handlers or not flags["config_file"] else flags["config_file"].parent
    features = frozenset((*config.features, *flags["features"]))
    target = Target(
        command=tuple(absolute(argv)),
        handlers=handlers_at(handlers or config.handlers, base),
        features=features,
        environment=config.environment,
    )
    pace = SLOW if flags["slow"] else QUICK
    return Docket(
        mode="runtime",
        catalogue=RUNTIME_CASES,
        cases=to_judge(RUNTIME_CASES, features, flags),
        subject=subject_of(config, argv[0], command=argv),
        features=features,
        baseline=baseline(RUNTIME_CASES, flags),
        play=lambda scenario: play(scenario, target, pace),
        evidence_of=evidence_of,
        again=f"pilotlight conform runtime{as_given({**flags, 'handlers': handlers})} -k {{id}} -- {shlex.join(argv)}",
    )

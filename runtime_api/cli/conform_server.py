"""`pilotlight conform server`: a verdict, case by case, on a server that runtimes run on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

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
from runtime_api.conformance.config_file import Config
from runtime_api.conformance.report.results import Subject
from runtime_api.conformance.runtime_stage.members import no_orphans
from runtime_api.conformance.runtime_stage.surroundings import CommandMissing, absolute
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.server_stage.course import evidence_of
from runtime_api.conformance.server_stage.function_folder import fill_folder
from runtime_api.conformance.server_stage.stage import play
from runtime_api.conformance.server_stage.target import QUICK, SLOW, FoundServer, ServerUnusable, SpawnedServers, Target

_PORT_MAX = 65_535
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("server")
@click.option(
    "--spawn", metavar="CMD", help="Start a server with this for each scenario; see below for what is filled in."
)
@click.option("--url", help="Judge the server that runs here, and serves the function of --task.")
@click.option("--prepare", metavar="FOLDER", type=_FOLDER, help="Write the function for --url, and end.")
@click.option("--task", metavar="FOLDER", type=_FOLDER, help="With --url: the folder that --prepare wrote.")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="With --url: where the function finds the suite.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(1.0),
    metavar="S",
    help="The function's timeout, where CMD has no {timeout}.  [default: 3]",
)
@click.option("--function", "function", metavar="NAME", help="The name the function is called by.  [default: function]")
@judging_options(SERVER_CASES)
def server_command(**flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Judge a server that runs functions: pilotlight conform server --spawn 'my-server --port {port} {task}'

    In CMD these are filled in: {port} to listen on for callers, {api_port} another free one, {task} the folder of the function,
    {bootstrap} the program in it, {timeout} the function's timeout in seconds, {function} its name.

    The exit code is 0 when it conforms, 1 when not, 2 for wrong usage, 3 when the harness failed.
    """
    config = configuration(SERVER_CASES, flags)
    if told_instead(SERVER_CASES, flags):
        return 0
    if flags["prepare"]:
        return _prepare(flags["prepare"].absolute(), *_function(config, flags))
    command = _spawned(flags["spawn"]) if flags["spawn"] else config.command
    if (flags["url"] and flags["spawn"]) or not (flags["url"] or command):
        raise click.UsageError("say which server: --spawn CMD, or --url URL with --task FOLDER")
    if flags["url"] and not flags["task"]:
        raise click.UsageError("--url needs --task FOLDER, as --prepare FOLDER wrote it")
    try:
        return _judge(config, command, flags)
    except (CommandMissing, ServerUnusable, OSError) as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3


def _spawned(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise click.UsageError(f"--spawn {text}: {error}") from None


def _prepare(folder: Path, function: str, timeout_s: float) -> int:
    try:
        fill_folder(folder)
    except (ServerUnusable, OSError) as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3
    click.echo(f"serve {folder / 'bootstrap'} as the function {function}, with a timeout of {timeout_s:g} s")
    return 0


def _judge(config: Config, command: tuple[str, ...], flags: Mapping[str, Any]) -> int:
    features = frozenset((*config.features, *flags["features"]))
    if flags["url"]:
        return run_until_signal(_judge_found(config, features, flags))
    function, timeout_s = _function(config, flags)
    servers = SpawnedServers(
        tuple(absolute(command)), function, features, config.environment, config.options, timeout_s
    )
    docket = _docket(
        config,
        servers,
        flags,
        subject_of(config, command[0], command=command),
        f"--spawn {shlex.quote(shlex.join(command))}",
    )
    with no_orphans():
        return run_until_signal(judge(docket, flags))


async def _judge_found(config: Config, features: frozenset[str], flags: Mapping[str, Any]) -> int:
    function, timeout_s = _function(config, flags)
    try:
        server = FoundServer(flags["url"], flags["task"], timeout_s, function, features)
    except ServerUnusable as error:
        raise click.UsageError(f"--url: {error}") from None
    host, port = _listening(flags["listen"])
    if not flags["task"].is_dir():
        raise click.UsageError(f"--task {flags['task']}: there is no such folder; --prepare writes one to be served")
    try:
        await server.open(host, port)
        subject = subject_of(config, flags["url"], address=flags["url"])
        found = ["--url", flags["url"], "--task", str(flags["task"]), "--listen", flags["listen"]]
        docket = _docket(config, server, flags, subject, shlex.join(found))
        # One function, one scenario at a time.
        return await judge(docket, {**flags, "jobs": 1})
    finally:
        server.close()


def _listening(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > _PORT_MAX:
        raise click.UsageError(f"--listen {address} is no HOST:PORT")
    return host or "127.0.0.1", int(port)


def _function(config: Config, flags: Mapping[str, Any]) -> tuple[str, float]:
    return flags["function"] or config.function, flags["timeout"] or config.timeout_s


def _docket(config: Config, target: Target, flags: Mapping[str, Any], subject: Subject, how: str) -> Docket:
    pace = SLOW if flags["slow"] else QUICK
    return Docket(
        mode="server",
        catalogue=SERVER_CASES,
        cases=to_judge(SERVER_CASES, target.features, flags),
        subject=subject,
        features=target.features,
        baseline=baseline(SERVER_CASES, flags),
        play=lambda scenario: play(scenario, target, pace),
        evidence_of=evidence_of,
        again=f"pilotlight conform server{as_given(flags)} -k {{id}} {how}",
    )

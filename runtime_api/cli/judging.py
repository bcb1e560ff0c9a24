"""What `conform runtime` and `conform server` share: their options, the run with its progress, and the reports."""

from __future__ import annotations

import asyncio
import os
import platform
import shlex
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import Progress

from runtime_api.cli.output.result import print_piece
from runtime_api.conformance.baseline import BaselineUnusable, Known, read_baseline
from runtime_api.conformance.cases import Case, Catalogue, Scenario
from runtime_api.conformance.config_file import Config, ConfigUnusable, check_features, read_config
from runtime_api.conformance.report.folder import cases_json, results_json, write_reports
from runtime_api.conformance.report.results import Machine, Results, Subject, Tool, results_of
from runtime_api.conformance.report.terminal import explanation, listing, report
from runtime_api.conformance.runner import CannotJudge, Runner
from runtime_api.conformance.verdicts import Verdict

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--list", "wants_list", is_flag=True, help="List the cases and end."),
    click.option("--explain", metavar="ID", help="Tell all about one case and end."),
    click.option(
        "-k", "patterns", multiple=True, metavar="PATTERN", help="Only these: RT-NEXT, 'RT-NEXT-00?', 'freeze*'."
    ),
    click.option("--slow", is_flag=True, help="Wait as long as it takes: minutes instead of seconds."),
    click.option("--strict", is_flag=True, help="A SHOULD that is not met fails the run, too."),
    click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Scenarios at a time."),
    click.option("--config", "config_file", type=_FILE, help="A conform.toml: who is judged, and what it claims."),
    click.option("--baseline", "baseline_file", type=_FILE, help="A TOML file of what is known to fail, and why."),
    click.option(
        "--out", type=click.Path(file_okay=False, path_type=Path), help="Write every report and wire log here."
    ),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="What goes to stdout."),
)

# Beside --config, --feature and --slow; those of either mode.
_DECIDING = ("handlers", "function", "timeout")
# By what the ids of their cases begin with.
_MODES = {"RT": "runtime", "SV": "server"}


def judging_options(catalogue: Catalogue) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options to the command of a mode."""
    claim = f"Claim one of: {', '.join(catalogue.features)}."
    feature = click.option("--feature", "features", multiple=True, metavar="NAME", help=claim)

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((feature, *_OPTIONS)):
            command = option(command)
        return command

    return add


@dataclass(frozen=True)
class Docket:
    """What is to be judged, and by what. `again` is the command line that runs one case, with `{id}` in it."""

    mode: Literal["runtime", "server"]
    catalogue: Catalogue
    cases: list[Case]
    subject: Subject
    features: frozenset[str]
    baseline: Mapping[str, Known]
    play: Callable[[Scenario], Awaitable[Any]]
    evidence_of: Callable[[Any], str]
    again: str


def told_instead(catalogue: Catalogue, flags: Mapping[str, Any]) -> bool:
    """Answer --list and --explain; whether that was asked for. Raises click.UsageError."""
    if flags["explain"]:
        found = catalogue.select([flags["explain"]])
        if len(found) != 1:
            where = _where_to_look(catalogue, flags["explain"])
            raise click.UsageError(f"{flags['explain']} names {len(found)} cases: {where}")
        _print_cases(found, explanation(found[0]), flags)
    elif flags["wants_list"]:
        cases = selected(catalogue, flags)
        _print_cases(cases, listing(cases), flags)
    return bool(flags["explain"] or flags["wants_list"])


def selected(catalogue: Catalogue, flags: Mapping[str, Any]) -> list[Case]:
    """The cases that -k names, all without it. Raises click.UsageError where that is none."""
    cases = catalogue.select(flags["patterns"])
    if not cases:
        where = _where_to_look(catalogue, *flags["patterns"])
        raise click.UsageError(f"no case is named by {' or '.join(flags['patterns'])}: {where}")
    return cases


def to_judge(catalogue: Catalogue, features: frozenset[str], flags: Mapping[str, Any]) -> list[Case]:
    """Those selected. Raises click.UsageError where none of them can be judged."""
    cases = selected(catalogue, flags)
    if not any(set(case.features) <= features for case in cases):
        needed = sorted({name for case in cases for name in case.features} - features)
        raise click.UsageError(f"none of the cases selected is judged without --feature {' --feature '.join(needed)}")
    return cases


def _where_to_look(catalogue: Catalogue, *patterns: str) -> str:
    for prefix, mode in _MODES.items():
        is_meant = any(pattern.upper().partition("-")[0] == prefix for pattern in patterns)
        if is_meant and not catalogue.select([prefix]):
            return f"those of {prefix} are in pilotlight conform {mode}"
    return "--list shows them all"


def configuration(catalogue: Catalogue, flags: Mapping[str, Any]) -> Config:
    """What --config and --feature say. Raises click.UsageError."""
    try:
        check_features(flags["features"], catalogue.features)
        return read_config(flags["config_file"], catalogue.features) if flags["config_file"] else Config()
    except ConfigUnusable as error:
        raise click.UsageError(str(error)) from None


def subject_of(config: Config, name: str, *, command: tuple[str, ...] = (), address: str = "") -> Subject:
    """Who is judged, by what the configuration says of it; `name` is where it says none."""
    return Subject(
        name=config.name or Path(name).name,
        version=config.version,
        organisation=config.organisation,
        url=config.url,
        contact=config.contact,
        command=command,
        address=address,
    )


def as_given(flags: Mapping[str, Any]) -> str:
    """The options that decide what is judged, and how, as they are written on a command line."""
    values = {"--config": flags["config_file"], **{f"--{name}": flags.get(name) for name in _DECIDING}}
    words = [word for option, value in values.items() if value for word in (option, str(value))]
    claims = [word for name in flags["features"] for word in ("--feature", name)]
    slow = ["--slow"] if flags["slow"] else []
    return "".join(f" {shlex.quote(word)}" for word in (*words, *claims, *slow))


def baseline(catalogue: Catalogue, flags: Mapping[str, Any]) -> dict[str, Known]:
    """What --baseline lists. Raises click.UsageError."""
    try:
        return read_baseline(flags["baseline_file"], {case.id for case in catalogue}) if flags["baseline_file"] else {}
    except BaselineUnusable as error:
        raise click.UsageError(str(error)) from None


async def judge(docket: Docket, flags: Mapping[str, Any]) -> int:
    """Play, judge and report; the exit code."""
    if flags["out"] and not _written(lambda: flags["out"].mkdir(parents=True, exist_ok=True)):
        return 3
    runner = Runner(docket.cases, docket.features, docket.play, flags["jobs"])
    started, began_s = datetime.now(timezone.utc).isoformat(timespec="seconds"), time.monotonic()
    try:
        with _progress(len(docket.cases)) as on_verdict:
            verdicts = await runner.run(on_verdict)
    except CannotJudge as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3
    results = results_of(
        docket.catalogue,
        verdicts,
        mode=docket.mode,
        tool=Tool("pilotlight", version("pilotlight")),
        subject=docket.subject,
        machine=Machine(f"{platform.system()} {platform.machine()}", os.cpu_count() or 1),
        features=docket.features,
        started=started,
        seconds=round(time.monotonic() - began_s, 1),
        baseline=docket.baseline,
        strict=flags["strict"],
    )
    evidence = {name: docket.evidence_of(record) for name, record in runner.records.items()}
    return _tell(results, docket.again, evidence, flags)


def _tell(results: Results, again: str, evidence: Mapping[str, str], flags: Mapping[str, Any]) -> int:
    is_written = not flags["out"] or _written(lambda: write_reports(flags["out"], results, evidence))
    if flags["form"] == "json":
        is_told = _written(lambda: print_piece(results_json(results)))
    else:
        is_told = _written(lambda: _print(report(results, _paint, again=again, out=flags["out"])))
    return results.exit_code if is_written and is_told else 3


def _written(write: Callable[[], None]) -> bool:
    try:
        write()
    except OSError as error:
        click.echo(f"pilotlight: the results cannot be written: {error}", err=True)
        return False
    return True


def _print_cases(cases: list[Case], lines: Iterable[str], flags: Mapping[str, Any]) -> None:
    if flags["form"] == "json":
        print_piece(cases_json(cases))
    else:
        _print(lines)


def _print(lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    print_piece((text if sys.stdout.isatty() else click.unstyle(text)).encode("utf-8", "replace"))


def _paint(text: str, colour: str) -> str:
    return click.style(text, fg=colour) if colour else text


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Verdict], None]]:
    """A bar on a terminal's stderr, for as long as the run lasts; where it is interrupted, that is said."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("judging", total=total)

    def on_verdict(verdict: Verdict) -> None:
        bar.update(task, advance=1, description=f"{verdict.case.id} {verdict.status.value}")

    try:
        with bar:
            yield on_verdict
    except asyncio.CancelledError:
        # The terminal may be gone.
        with suppress(OSError):
            click.echo(f"pilotlight: interrupted after {bar.tasks[0].completed:.0f} of {total} cases", err=True)
        raise

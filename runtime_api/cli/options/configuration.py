"""What `run` and `serve` take from files, under the flags that were given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runtime_api.cli.options.function import given
from runtime_api.config.configuration import Configuration, configuration_at
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.function_name import Account


def configuration_of(path: Path, settings: Settings, flags: dict[str, Any]) -> Configuration:
    """What is at a path; its warnings are printed on standard error. Raises InvalidFunction and click.UsageError."""
    configuration = configuration_at(path, settings, account_of(flags), _parameters(flags["parameters"]))
    for warning in configuration.warnings:
        click.echo(f"pilotlight: warning: {warning}", err=True)
    return configuration


def over_file(flags: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
    """The flags: those that were given, else what the file says of the server, else their defaults."""
    return {**flags, **configuration.server, **given(flags)}


def account_of(flags: dict[str, Any]) -> Account:
    """Whose functions these are; only a file can name the account."""
    return Account(region=flags["region"], account_id=flags.get("account_id", Account().account_id))


def _parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    wrong = next((pair for pair in pairs if "=" not in pair), None)
    if wrong is not None:
        raise click.UsageError(f"--parameter {wrong}: it is not of the form NAME=VALUE")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}

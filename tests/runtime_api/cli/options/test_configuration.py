from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from runtime_api.cli import run, serve
from runtime_api.cli.options.configuration import account_of, configuration_of, over_file
from runtime_api.cli.options.function import function_options, settings_from
from runtime_api.config.configuration import Configuration
from runtime_api.config.toml.tables import ServerTable
from runtime_api.protocol.function.function_name import Account


def outcome(folder: Path, *arguments: str) -> tuple[Configuration, dict[str, Any], str]:
    """What flags and the file in a folder come to, and what is printed."""
    made: list[tuple[Configuration, dict[str, Any]]] = []

    @click.command()
    @click.option("--port", type=int, default=9000)
    @function_options
    def command(**flags: Any) -> None:  # noqa: ANN401  (click's own types)
        configuration = configuration_of(folder, settings_from(flags), flags)
        made.append((configuration, over_file(flags, configuration)))

    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return (*made[0], result.output)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pilotlight.toml that says something of everything."""
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "pilotlight.toml").write_text(
        '[server]\nport = 1\nregion = "eu-west-1"\naccount_id = "999999999999"\n[functions.f]\ntimeout = 9\nmemory = 256\n'
    )
    return tmp_path


def test_a_file_wins_over_defaults(folder: Path) -> None:
    """Of functions and of the server alike."""
    configuration, flags, _ = outcome(folder)
    [function] = configuration.functions
    assert (function.timeout_ms, function.memory_mb) == (9000, 256)
    assert (flags["port"], account_of(flags)) == (1, Account("999999999999", "eu-west-1"))


def test_flags_that_are_given_win_over_a_file(folder: Path) -> None:
    """Even where they say what is the default."""
    configuration, flags, _ = outcome(folder, "--timeout", "3", "--port", "9000", "--region", "us-east-1")
    [function] = configuration.functions
    assert (function.timeout_ms, function.memory_mb) == (3000, 256)
    assert (flags["port"], flags["region"]) == (9000, "us-east-1")


def test_warnings_are_printed(tmp_path: Path) -> None:
    """On standard error, each on a line of its own."""
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "template.yaml").write_text(
        "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Timeot: 3}}}\n"
    )
    _, _, printed = outcome(tmp_path)
    assert printed.startswith("pilotlight: warning: ")
    assert printed.endswith("did you mean Timeout?\n")


def test_a_parameter_has_a_name_and_a_value(tmp_path: Path) -> None:
    """Anything else is wrong usage."""
    with pytest.raises(AssertionError, match="--parameter Stage: it is not of the form NAME=VALUE"):
        outcome(tmp_path, "--parameter", "Stage")


def test_a_file_can_say_of_the_server_what_flags_can() -> None:
    """Every option of `serve` that says nothing of functions and their URLs, and the account, which no flag names."""
    of_functions = {option.name for option in run.command.params} | {"url_format", "url_invoke_mode"}
    own = {option.name for option in serve.command.params if isinstance(option, click.Option)} - of_functions
    assert set(ServerTable.__struct_fields__) == own | {"region", "log_group_dir", "xray_daemon", "account_id"}

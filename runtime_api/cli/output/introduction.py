"""What `serve` prints once it accepts calls: everything that can be called, and lines to paste."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime_api.config.configuration import Configuration
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.names import VERSION_LATEST


def introduce(endpoint_url: str, configuration: Configuration) -> None:
    """Print it on standard error; the last line is `ready: URL`."""
    # Wide enough for any line: what is meant to be copied must not be cut or folded.
    console = Console(stderr=True, highlight=False, soft_wrap=True, width=1000)
    console.print(_table(configuration))
    console.print()
    console.print(
        f"Invoke API: {endpoint_url}, which any AWS SDK takes as its endpoint. URL paths are below it as well.",
        markup=False,
    )
    name = configuration.names[0]
    console.print()
    console.print(_boto3_line(endpoint_url, name), markup=False)
    console.print(f"curl {endpoint_url}/2015-03-31/functions/{name}/invocations -d '{{}}'", markup=False)
    console.print()
    console.print(f"ready: {endpoint_url}", markup=False)


def _table(configuration: Configuration) -> Table:
    table = Table("function", "runtime", "handler", "URL path", box=None, pad_edge=False)
    for name in configuration.names:
        served = configuration.only(name)
        for row in (*map(_row_of_function, served.functions), *map(_row_of_alias, served.aliases)):
            # As it is: a handler or a command may have brackets, which are markup elsewhere.
            table.add_row(*map(Text, row.columns))
    return table


class _Row(NamedTuple):
    """One line: what callers name, what answers them, and whether it has a URL."""

    name: str
    runtime: str
    handler: str
    has_url: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """As they are printed."""
        return (self.name, self.runtime, self.handler, f"/lambda-url/{self.name}/" if self.has_url else "")


def _row_of_function(function: Function) -> _Row:
    name = function.name if function.version == VERSION_LATEST else f"{function.name}:{function.version}"
    return _Row(name, function.runtime, _what_answers(function), function.url is not None)


def _row_of_alias(alias: Alias) -> _Row:
    return _Row(f"{alias.function_name}:{alias.name}", "alias", _versions_of(alias), alias.url is not None)


def _what_answers(function: Function) -> str:
    if function.runtime == "command":
        return " ".join(function.command)
    return "bootstrap" if function.runtime == "provided" else function.handler


def _versions_of(alias: Alias) -> str:
    others = [f"{version} ({weight:.0%})" for version, weight in alias.additional_weights.items()]
    return ", ".join([f"version {alias.version}", *others])


def _boto3_line(url: str, name: str) -> str:
    client = (
        f"boto3.client('lambda', endpoint_url='{url}', region_name='us-east-1', "
        "aws_access_key_id='local', aws_secret_access_key='local')"
    )
    return (
        f"python -c \"import boto3; print({client}.invoke(FunctionName='{name}', Payload='{{}}')['Payload'].read())\""
    )

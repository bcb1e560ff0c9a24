"""`pilotlight serve`: functions behind one local endpoint."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from runtime_api.cli.lifetime import run_until_signal
from runtime_api.cli.log_output import StderrLog
from runtime_api.cli.options import function_options, settings_from
from runtime_api.config.discovery import functions_at
from runtime_api.frontend.platform import Platform
from runtime_api.protocol.function import Function, InvalidFunction
from runtime_api.protocol.function_name import Account
from runtime_api.protocol.invoke_errors import InvokeError


@click.command("serve")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9000,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@function_options
def command(path: Path, host: str, port: int, **flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Serve the function in PATH, or each function in a folder of PATH, until Ctrl-C."""
    try:
        functions = functions_at(path, settings_from(flags))
        log = StderrLog([function.name for function in functions])
        platform = Platform(
            functions,
            host=host,
            port=port,
            account=Account(region=flags["region"]),
            log=log,
            log_folder=flags["log_group_dir"],
            xray_daemon=flags["xray_daemon"],
        )
    except InvalidFunction as error:
        raise click.UsageError(str(error)) from None
    return run_until_signal(_serve(platform, log))


async def _serve(platform: Platform, log: StderrLog) -> int:
    try:
        async with platform:
            # Nobody may be reading; rich turns that into an exit.
            with contextlib.suppress(OSError, SystemExit):
                _introduce(platform)
            await asyncio.get_running_loop().create_future()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        click.echo(
            f"pilotlight: {reason}. Another port: --port, 0 for any free one; another address: --host.", err=True
        )
    except InvokeError as error:
        click.echo(f"pilotlight: {error}", err=True)
    finally:
        log.close()
    return 3


def _introduce(platform: Platform) -> None:
    # Wide enough for any line: what is meant to be copied must not be cut or folded.
    console = Console(stderr=True, highlight=False, soft_wrap=True, width=1000)
    url = platform.endpoint_url
    table = Table("function", "runtime", "handler", "POST", box=None, pad_edge=False)
    for function in platform.functions:
        path = f"{url}/2015-03-31/functions/{function.name}/invocations"
        table.add_row(function.name, function.runtime, _what_answers(function), path)
    console.print(table)
    name = platform.functions[0].name
    console.print()
    console.print(_boto3_line(url, name), markup=False)
    console.print(f"curl {url}/2015-03-31/functions/{name}/invocations -d '{{}}'", markup=False)
    console.print()
    console.print(f"ready: {url}", markup=False)


def _what_answers(function: Function) -> str:
    if function.runtime == "command":
        return " ".join(function.command)
    return "bootstrap" if function.runtime == "provided" else function.handler


def _boto3_line(url: str, name: str) -> str:
    client = (
        f"boto3.client('lambda', endpoint_url='{url}', region_name='us-east-1', "
        "aws_access_key_id='local', aws_secret_access_key='local')"
    )
    return (
        f"python -c \"import boto3; print({client}.invoke(FunctionName='{name}', Payload='{{}}')['Payload'].read())\""
    )

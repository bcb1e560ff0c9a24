"""`pilotlight run`: one function, one invocation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from runtime_api.cli.event import event_option, read_event
from runtime_api.cli.lifetime import run_until_signal
from runtime_api.cli.log_output import StderrLog
from runtime_api.cli.options import function_options, settings_from
from runtime_api.cli.result import print_result
from runtime_api.config.discovery import functions_at
from runtime_api.config.settings import Settings
from runtime_api.frontend.platform import Platform
from runtime_api.protocol.function import Function, InvalidFunction
from runtime_api.protocol.function_name import Account
from runtime_api.protocol.invoke_errors import InvokeError


@click.command("run")
@click.argument("target", required=False, metavar="[HANDLER|FOLDER]")
@event_option
@function_options
def command(target: str | None, event: str, **flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Invoke a function once: its result on stdout, its log on stderr.

    HANDLER, such as app.handler, is looked up from this folder. A FOLDER, or nothing, means the handler in it.

    The exit code is 0 for a result, 1 for a function error, 2 for wrong usage, 3 when the platform failed.
    """
    payload = read_event(event)
    function = _function(target, settings_from(flags))
    return run_until_signal(_run(function, payload, Account(region=flags["region"])))


def _function(target: str | None, settings: Settings) -> Function:
    folder = Path(target) if target and Path(target).is_dir() else Path()
    if target and not Path(target).is_dir():
        if settings.handler:
            raise click.UsageError(f"the handler is given twice: {target} and --handler {settings.handler}")
        if "." not in target or target.endswith(".py"):
            raise click.UsageError(f"{target}: name a handler as module.function, such as app.handler, or a folder")
        settings = msgspec.structs.replace(settings, handler=target)
    try:
        found = functions_at(folder, settings)
    except InvalidFunction as error:
        raise click.UsageError(str(error)) from None
    if len(found) > 1:
        names = ", ".join(function.name for function in found)
        raise click.UsageError(f"{folder} holds several functions ({names}): name one's folder")
    return found[0]


async def _run(function: Function, payload: bytes, account: Account) -> int:
    log = StderrLog([function.name])
    try:
        async with Platform([function], port=None, account=account, log=log) as platform:
            outcome = await platform.invoke(function.name, payload, wants_log_tail=True)
        print_result(outcome.body)
    except (InvokeError, OSError) as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3
    finally:
        log.close()
    return 1 if outcome.is_function_error else 0

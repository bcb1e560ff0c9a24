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
@click.option("--tenant-id", metavar="ID", help="The tenant, with --tenant-isolation.")
@function_options
def command(target: str | None, event: str, tenant_id: str | None, **flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Invoke a function once: its result on stdout, its log on stderr.

    HANDLER, such as app.handler, is looked up from this folder. A FOLDER, or nothing, means the handler in it.

    The exit code is 0 for a result, 1 for a function error, 2 for wrong usage, 3 when the platform failed.
    """
    payload = read_event(event)
    function = _function(target, settings_from(flags))
    log = StderrLog([function.name])
    platform = Platform(
        [function],
        port=None,
        account=Account(region=flags["region"]),
        log=log,
        log_folder=flags["log_group_dir"],
        xray_daemon=flags["xray_daemon"],
    )
    return run_until_signal(_run(platform, log, payload, tenant_id))


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


async def _run(platform: Platform, log: StderrLog, payload: bytes, tenant_id: str | None) -> int:
    try:
        async with platform:
            name = platform.functions[0].name
            outcome = await platform.invoke(name, payload, wants_log_tail=True, tenant_id=tenant_id)
        print_result(outcome.body)
    except (InvokeError, OSError) as error:
        click.echo(f"pilotlight: {error}", err=True)
        return 3
    finally:
        log.close()
    return 1 if outcome.is_function_error else 0

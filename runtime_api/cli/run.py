"""`pilotlight run`: one function, one invocation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from runtime_api.cli.lifetime import run_until_signal
from runtime_api.cli.options.configuration import account_of, configuration_of, over_file
from runtime_api.cli.options.event import event_option, read_event
from runtime_api.cli.options.function import function_options, settings_from
from runtime_api.cli.output.log import StderrLog
from runtime_api.cli.output.result import print_result
from runtime_api.config.configuration import CONFIGURATION_SUFFIXES, Configuration
from runtime_api.config.settings import Settings
from runtime_api.frontend.platform import Platform
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.invoke.errors import InvokeError


@click.command("run")
@click.argument("target", required=False, metavar="[HANDLER|PATH]")
@event_option
@click.option("--tenant-id", metavar="ID", help="The tenant, with --tenant-isolation.")
@function_options
def command(target: str | None, event: str, tenant_id: str | None, **flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Invoke a function once: its result on stdout, its log on stderr.

    HANDLER, such as app.handler, is looked up from this folder. A PATH, or nothing, means the handler in that folder, or what its
    pilotlight.toml or SAM template declares; where that is several functions, --name says which. Those files may be named, too.

    The exit code is 0 for a result, 1 for a function error, 2 for wrong usage, 3 when the platform failed.
    """
    payload = read_event(event)
    configuration = _configuration(target, settings_from(flags), flags)
    flags = over_file(flags, configuration)
    log = StderrLog(configuration.names)
    platform = Platform(
        [_for_one_call(configuration.functions[0])],
        port=None,
        account=account_of(flags),
        log=log,
        log_folder=flags["log_group_dir"],
        xray_daemon=flags["xray_daemon"],
    )
    return run_until_signal(_run(platform, log, payload, tenant_id))


def _configuration(target: str | None, settings: Settings, flags: dict[str, Any]) -> Configuration:
    path = Path(target or "")
    if target and not _is_configuration(path):
        if settings.handler:
            raise click.UsageError(f"the handler is given twice: {target} and --handler {settings.handler}")
        if "." not in target or target.endswith(".py"):
            raise click.UsageError(f"{target}: name a handler as module.function, such as app.handler, or a folder")
        path, settings = Path(), msgspec.structs.replace(settings, handler=target)
    try:
        found = configuration_of(path, settings, flags)
    except InvalidFunction as error:
        raise click.UsageError(str(error)) from None
    if len(found.names) > 1:
        raise click.UsageError(f"{path} holds several functions ({', '.join(found.names)}): choose one with --name")
    return found


def _is_configuration(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix in CONFIGURATION_SUFFIXES)


def _for_one_call(latest: Function) -> Function:
    # Other functions, which it might name, are not there.
    return msgspec.structs.replace(latest, event_invoke=None, dead_letter_target=None)


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

"""`pilotlight serve`: functions behind one local endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any, get_args

import click

from runtime_api.cli.lifetime import run_until_signal
from runtime_api.cli.options.configuration import account_of, configuration_of, over_file
from runtime_api.cli.options.function import Number, function_options, settings_from
from runtime_api.cli.options.queue import queue_option
from runtime_api.cli.output.introduction import introduce
from runtime_api.cli.output.log import SaidByPlatform, StderrLog
from runtime_api.config.configuration import Configuration
from runtime_api.frontend.platform import Platform
from runtime_api.protocol.concurrency import ACCOUNT_LIMIT_DEFAULT, IDLE_TIMEOUT_DEFAULT_MS
from runtime_api.protocol.function.function import InvalidFunction
from runtime_api.protocol.function.url_config import InvokeMode, UrlFormat
from runtime_api.protocol.invoke.errors import InvokeError


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
@click.option(
    "--throttle-streams", is_flag=True, help="Slow streamed answers as Lambda does: 6 MB at once, then 2 MB a second."
)
@click.option(
    "--account-concurrency",
    type=click.IntRange(min=1),
    default=ACCOUNT_LIMIT_DEFAULT,
    show_default=True,
    metavar="N",
    help="How many invocations may run at once, of all functions together; calls beyond get a 429.",
)
@click.option(
    "--rate-limits",
    is_flag=True,
    help="Limit calls a second as well: to ten times what may run at once, as Lambda does.",
)
@click.option(
    "--idle-timeout",
    type=Number(min=0, min_open=True),
    default=IDLE_TIMEOUT_DEFAULT_MS / 1000,
    show_default=True,
    metavar="SECONDS",
    help="End a sandbox that has been idle for so long, unless it is provisioned.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    default=".pilotlight",
    show_default=True,
    metavar="FOLDER",
    help="Keep asynchronous events here; one server at a time has a folder. Made with the first event.",
)
@queue_option
@click.option(
    "--drain-timeout",
    type=Number(min=0),
    default=25.0,
    show_default=True,
    metavar="SECONDS",
    help="On SIGTERM, let calls that are under way end first, for so long.",
)
@click.option(
    "--time-scale",
    type=Number(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Let what waits wait an Nth of its time: retries, back-off and age of events, deliveries, idle sandboxes.",
)
@click.option(
    "--aws-endpoint-url",
    metavar="URL",
    help="Where the queues, topics, buses and buckets of destinations are; AWS_ENDPOINT_URL says the same.",
)
@click.option(
    "--url-format",
    type=click.Choice(get_args(UrlFormat)),
    help="Shape of the events that function URLs make, and of the results they take; function-url when left out.",
)
@click.option(
    "--url-invoke-mode",
    type=click.Choice(get_args(InvokeMode), case_sensitive=False),
    help="Whether function URLs answer as a whole or as a stream; BUFFERED when left out.",
)
@function_options
def command(path: Path, **flags: Any) -> int:  # noqa: ANN401  (click's own types)
    """Serve the functions of PATH until Ctrl-C, or until SIGTERM and the end of the calls that are under way then.

    PATH is a folder, a pilotlight.toml or a SAM template. A folder is what its pilotlight.toml declares, or else its template.yaml; without
    either it is a function, or a folder of such folders. Flags win over files.
    """
    try:
        configuration = configuration_of(path, settings_from(flags), flags).with_urls(**_said_of_urls(flags))
        configuration.check_destinations()
        flags = over_file(flags, configuration)
        configuration.check_concurrency(flags["account_concurrency"])
        log = StderrLog(configuration.names)
        platform = Platform(
            configuration.functions,
            host=flags["host"],
            port=flags["port"],
            account=account_of(flags),
            aliases=configuration.aliases,
            log=log,
            log_folder=flags["log_group_dir"],
            xray_daemon=flags["xray_daemon"],
            throttle_streams=flags["throttle_streams"],
            concurrency=flags["account_concurrency"],
            idle_timeout_ms=flags["idle_timeout"] * 1000,
            rate_limits=flags["rate_limits"],
            data_folder=flags["data_dir"],
            time_scale=flags["time_scale"],
            aws_endpoint_url=flags["aws_endpoint_url"],
            queue=flags["queue"],
        )
    except InvalidFunction as error:
        raise click.UsageError(str(error)) from None
    return run_until_signal(_serve(platform, configuration, log), lambda: _drain(platform, log, flags["drain_timeout"]))


def _said_of_urls(flags: dict[str, Any]) -> dict[str, Any]:
    said = {"format": flags["url_format"], "invoke_mode": flags["url_invoke_mode"]}
    return {name: value for name, value in said.items() if value is not None}


async def _drain(platform: Platform, log: StderrLog, timeout_s: float) -> None:
    log.say(f"draining: calls under way have {timeout_s:g} s; a second signal ends them")
    await platform.drain(timeout_s * 1000)


async def _serve(platform: Platform, configuration: Configuration, log: StderrLog) -> int:
    said = SaidByPlatform(log)
    logging.getLogger("pilotlight").addHandler(said)
    try:
        async with platform:
            # Nobody may be reading; rich turns that into an exit.
            with contextlib.suppress(OSError, SystemExit):
                introduce(platform.endpoint_url, configuration)
            await asyncio.get_running_loop().create_future()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        click.echo(
            f"pilotlight: {reason}. Another port: --port, 0 for any free one; another address: --host.", err=True
        )
    except InvokeError as error:
        click.echo(f"pilotlight: {error}", err=True)
    finally:
        logging.getLogger("pilotlight").removeHandler(said)
        log.close()
    return 3

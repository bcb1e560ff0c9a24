"""The option that names the queue of events several servers share."""

from __future__ import annotations

import click

from runtime_api.protocol.asynchronous.queue_address import InvalidQueueAddress, QueueAddress, parse_queue_address


def _address(_context: click.Context, _option: click.Parameter, value: str | None) -> QueueAddress | None:
    try:
        return None if value is None else parse_queue_address(value)
    except InvalidQueueAddress as error:
        raise click.BadParameter(str(error)) from None


queue_option = click.option(
    "--queue",
    callback=_address,
    metavar="URL",
    help="Share asynchronous events with other servers, on NATS JetStream: nats://HOST:PORT[,HOST:PORT][/STREAM].",
)

"""The option `-e`: an event from the command line, a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runtime_api.protocol.invoke.errors import InvokeError
from runtime_api.protocol.invoke.payload import checked_payload

event_option = click.option(
    "-e",
    "--event",
    default="{}",
    metavar="JSON|@FILE|-",
    help="The event: JSON, a file's name after @, or - for stdin.",
)


def read_event(text: str) -> bytes:
    """The event's bytes; raises click.BadParameter for what cannot be read or is not JSON."""
    try:
        if text == "-":
            payload = sys.stdin.buffer.read()
        elif text.startswith("@"):
            payload = Path(text[1:]).read_bytes()
        else:
            payload = text.encode(errors="surrogateescape")
        return checked_payload(payload)
    except (OSError, InvokeError) as error:
        raise click.BadParameter(str(error), param_hint="-e") from None

"""`pilotlight events`: what became of asynchronous invocations, read from the folder or the queue a server keeps them in.

The server may run meanwhile, or not.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from runtime_api.cli.options.queue import queue_option
from runtime_api.cli.output.events import print_event, print_events
from runtime_api.config.document import did_you_mean
from runtime_api.frontend.event_ledger import EventDetails, JetStreamLedger, Ledger, StoreFailed
from runtime_api.protocol.asynchronous.event import EventState
from runtime_api.protocol.asynchronous.queue_address import QueueAddress

Command = Callable[..., int]
AnyLedger = Ledger | JetStreamLedger
_AGAIN = (EventState.FAILED, EventState.DEAD)
_RESTING = (EventState.QUEUED, EventState.UNDELIVERED, *_AGAIN)
# As SQLite says it.
_NO_LIMIT = -1

_data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=".pilotlight",
    show_default=True,
    metavar="FOLDER",
    help="Where the server keeps its events.",
)
_function = click.option("--function", metavar="NAME", help="Only events of this function.")
_json = click.option("--json", is_flag=True, help="Print JSON.")


_request_ids = click.argument("request_ids", nargs=-1, metavar="[REQUEST_ID]...")


def _state(states: Iterable[EventState]) -> Callable[[Command], Command]:
    choices = click.Choice([state.value for state in states])
    return click.option("--state", "states", multiple=True, type=choices, help="Only events in this state.")


def _with_ledger(work: Command) -> Command:
    """Give a command the ledger of `--queue`, or else of `--data-dir`; what cannot be read is exit code 3."""

    @_data_dir
    @queue_option
    @functools.wraps(work)
    def run(data_dir: Path, queue: QueueAddress | None, **arguments: Any) -> int:  # noqa: ANN401  (click's own types)
        try:
            with JetStreamLedger(queue) if queue else Ledger(str(data_dir)) as ledger:
                return work(ledger, **arguments)
        except StoreFailed as error:
            advice = "" if queue else ". Another folder: --data-dir."
            click.echo(f"pilotlight: {error}{advice}", err=True)
            return 3

    return run


@click.group("events")
def command() -> None:
    """List, show, redrive and purge asynchronous invocations.

    An event is queued, running, undelivered or delivering (it is over, and somebody is still told), failed (and nobody was to be told) or
    dead (somebody could not be told). What ended well is forgotten.
    """


@command.command("list")
@_state(EventState)
@_function
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="The oldest, so many.")
@_json
@_with_ledger
def list_events(ledger: AnyLedger, states: tuple[str, ...], function: str | None, limit: int, json: bool) -> int:
    """List events, oldest first."""
    heads = ledger.heads(_chosen(states, EventState), function, limit)
    if not heads:
        _say_none(ledger, function)
    print_events(heads, _now_ms(), json=json)
    return 0


@command.command("show")
@click.argument("request_id")
@_json
@_with_ledger
def show(ledger: AnyLedger, request_id: str, json: bool) -> int:
    """Show all there is of one event, found by the beginning of its request id."""
    print_event(_the_one(ledger, request_id), json=json)
    return 0


@command.command("redrive")
@_request_ids
@_state(_AGAIN)
@_function
@click.option("--all", "everything", is_flag=True, help="All failed and dead events.")
@_with_ledger
def redrive(ledger: AnyLedger, request_ids: tuple[str, ...], **selection: Any) -> int:  # noqa: ANN401
    """Have failed events run again, with all their attempts, and dead ones delivered again; their request ids stay."""
    sequences = _selected(ledger, request_ids, _AGAIN, **selection)
    click.echo(f"put back into the queue: {_count(ledger.redrive(sequences, _now_ms()))}")
    return 0


@command.command("purge")
@_request_ids
@_state(_RESTING)
@_function
@click.option("--all", "everything", is_flag=True, help="All events but those being worked on.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_ledger
def purge(ledger: AnyLedger, request_ids: tuple[str, ...], yes: bool, **selection: Any) -> int:  # noqa: ANN401
    """Forget events, whether they ran or not; asks before."""
    sequences = _selected(ledger, request_ids, _RESTING, **selection)
    if sequences and not yes and not click.confirm(f"Forget {_count(len(sequences))}?", err=True):
        return 1
    click.echo(f"forgotten: {_count(ledger.purge(sequences))}")
    return 0


def _selected(
    ledger: AnyLedger,
    request_ids: tuple[str, ...],
    possible: Iterable[EventState],
    *,
    states: tuple[str, ...],
    function: str | None,
    everything: bool,
) -> list[int]:
    """The places in the store of those meant; raises click.UsageError."""
    is_filtered = everything or bool(states) or function is not None
    if bool(request_ids) == is_filtered:
        raise click.UsageError("Name events by their request ids, or choose them by --state, --function or --all.")
    if request_ids:
        return [_possible(_the_one(ledger, each), possible).event.sequence for each in request_ids]
    heads = ledger.heads(_chosen(states, possible), function, _NO_LIMIT)
    if not heads:
        _say_none(ledger, function)
    return [head.sequence for head in heads]


def _say_none(ledger: AnyLedger, function: str | None) -> None:
    """Nothing was chosen; a name that no event has may be misspelt."""
    hint = ""
    if function is not None:
        names = list(dict.fromkeys(head.function_name for head in ledger.heads(limit=_NO_LIMIT)))
        if names and function not in names:
            hint = f": none is of a function {function}{did_you_mean(function, names)}"
    click.echo(f"no events{hint}", err=True)


def _chosen(states: tuple[str, ...], possible: Iterable[EventState]) -> list[EventState]:
    return [EventState(state) for state in states] or list(possible)


def _the_one(ledger: AnyLedger, prefix: str) -> EventDetails:
    found = ledger.find(prefix) if prefix else []
    if len(found) != 1:
        what = "several events have request ids that begin" if found else "no event has a request id that begins"
        raise click.BadParameter(
            f"{what} with {prefix!r}; `pilotlight events list` shows them", param_hint="REQUEST_ID"
        )
    return found[0]


def _possible(found: EventDetails, possible: Iterable[EventState]) -> EventDetails:
    if found.state not in possible:
        words = ", ".join(state.value for state in possible)
        raise click.UsageError(
            f"Event {found.event.request_id} is {found.state.value}; it would have to be one of: {words}."
        )
    return found


def _now_ms() -> float:
    return time.time() * 1000


def _count(events: int) -> str:
    return "1 event" if events == 1 else f"{events} events"

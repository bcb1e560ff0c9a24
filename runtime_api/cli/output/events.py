"""Events on standard output: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime_api.cli.output.result import print_result
from runtime_api.frontend.event_ledger import EventDetails, EventHead
from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent
from runtime_api.protocol.destinations.record import as_json
from runtime_api.protocol.timestamps import iso_time

# A program reads it: no line may be folded.
_WIDE = 10_000
_WAITING = (EventState.QUEUED, EventState.UNDELIVERED)
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000))
_encode = msgspec.json.Encoder().encode


def print_events(heads: Sequence[EventHead], now_ms: float, *, json: bool) -> None:
    """A line for each, or a JSON array."""
    if json:
        print_result(_encode([_facts_of_head(head) for head in heads]))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("request id", "function", "state", "age", "attempts", "next"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason")
    for head in heads:
        table.add_row(*(Text(_printable(cell)) for cell in _cells(head, now_ms)))
    width = None if sys.stdout.isatty() else _WIDE
    Console(highlight=False, width=width).print(table)


def print_event(found: EventDetails, *, json: bool) -> None:
    """A line for each thing known of it, or a JSON object."""
    facts = {**_facts_of_event(found), **(_facts_of_end(found.finished) if found.finished else {})}
    if json:
        print_result(_encode(facts))
        return
    for name, value in facts.items():
        if value not in (None, []):
            text = value if isinstance(value, str) else _encode(value).decode()
            click.echo(f"{name:<16} {_printable(text)}")


def _printable(text: str) -> str:
    """What a function wrote must not move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text)


def _cells(head: EventHead, now_ms: float) -> tuple[str, ...]:
    return (
        head.request_id,
        _addressed(head.function_name, head.qualifier),
        head.state.value,
        _span(now_ms - head.accepted_ms),
        str(head.attempts),
        _span(head.due_ms - now_ms) if head.state in _WAITING else "-",
        head.reason or "-",
    )


def _span(ms: float) -> str:
    unit, size_ms = next(((unit, size_ms) for unit, size_ms in _UNITS if ms >= size_ms), ("s", 1_000))
    return f"{max(0, int(ms // size_ms))} {unit}"


def _facts_of_head(head: EventHead) -> dict[str, Any]:
    return {
        "requestId": head.request_id,
        "function": _addressed(head.function_name, head.qualifier),
        "state": head.state.value,
        "acceptedAt": iso_time(head.accepted_ms),
        "dueAt": iso_time(head.due_ms) if head.state in _WAITING else None,
        "attempts": head.attempts,
        "throttles": head.throttles,
        "reason": head.reason,
        "payloadBytes": head.payload_bytes,
    }


def _facts_of_event(found: EventDetails) -> dict[str, Any]:
    event = found.event
    due_ms = found.finished.due_ms if found.finished else event.due_ms
    return {
        "requestId": event.request_id,
        "function": _addressed(event.function_name, event.qualifier),
        "state": found.state.value,
        "acceptedAt": iso_time(event.accepted_ms),
        "dueAt": iso_time(due_ms) if found.state in _WAITING else None,
        "attempts": event.attempts,
        "throttles": event.throttles,
        "reason": event.reason,
        "traceId": event.trace_id,
        "tenantId": event.tenant_id,
        "payload": msgspec.Raw(event.payload),
    }


def _facts_of_end(finished: FinishedEvent) -> dict[str, Any]:
    last = finished.last
    return {
        "finishedAt": iso_time(finished.finished_ms),
        "condition": finished.condition.value,
        "status": last.status if last else None,
        "executedVersion": last.executed_version if last else None,
        "reason": finished.reason,
        "response": msgspec.Raw(as_json(last.response)) if last and last.response is not None else None,
        "deliveries": [f"{delivery.kind} {delivery.address}" for delivery in finished.deliveries],
        "deliveryTries": finished.tries,
    }


def _addressed(function_name: str, qualifier: str | None) -> str:
    return f"{function_name}:{qualifier}" if qualifier else function_name

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from runtime_api.cli.events import command
from runtime_api.dispatch.events.sqlite_store import SqliteStore
from runtime_api.protocol.asynchronous.event import Delivery, QueuedEvent
from tests.runtime_api.dispatch.events.queued import failed, queued

NOW_MS = 1_764_025_868_123.0
FILE = Delivery("destination", "./results.jsonl")


class Said(msgspec.Struct):
    """What a command came to."""

    code: int
    out: str
    err: str


Events = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the events are."""
    return tmp_path / "data"


@pytest.fixture
def events(folder: Path) -> Events:
    """Runs `pilotlight events …` on the folder."""

    def run(*arguments: str, typed: str = "") -> Said:
        result = CliRunner().invoke(
            command, [*arguments, "--data-dir", str(folder)], input=typed, standalone_mode=False
        )
        if isinstance(result.exception, click.ClickException):
            return Said(result.exception.exit_code, result.stdout, result.exception.format_message())
        if result.exception is not None:
            raise result.exception
        return Said(result.return_value, result.stdout, result.stderr)

    return run


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[SqliteStore]:
    """A server's store with `a-failed`, `b-dead` and `c-queued` in it, open as long as the test runs."""
    store = SqliteStore(str(folder))
    await store.open()
    await store.finish(failed(await _running(store, "a-failed", "bill"), ()))
    await store.finish(failed(await _running(store, "b-dead", "orders"), (FILE,)))
    [undelivered] = await store.take_undelivered("orders", NOW_MS, 1)
    await store.bury(msgspec.structs.replace(undelivered, tries=12, failure="results.jsonl: disk full"))
    await store.put(_event("c-queued", "orders"))
    yield store
    await store.close()


def _event(request_id: str, function: str) -> QueuedEvent:
    return queued(function=function, request_id=request_id, qualifier=None, accepted_ms=NOW_MS, due_ms=NOW_MS)


async def _running(store: SqliteStore, request_id: str, function: str) -> QueuedEvent:
    await store.put(_event(request_id, function))
    [taken] = await store.take(function, NOW_MS, 10)
    return taken


def ids(said: Said) -> list[str]:
    """The request ids of a list as JSON."""
    return [event["requestId"] for event in json.loads(said.out)]


@pytest.mark.usefixtures("store")
def test_the_list_is_a_table(events: Events) -> None:
    """A line for each event, oldest first, each with its state, its age and when it is next due."""
    header, *lines = events("list").out.splitlines()
    assert header.split() == ["request", "id", "function", "state", "age", "attempts", "next", "reason"]
    assert [line.split()[:3] for line in lines] == [
        ["a-failed", "bill", "failed"],
        ["b-dead", "orders", "dead"],
        ["c-queued", "orders", "queued"],
    ]
    assert [re.split(" {2,}", line.strip())[-1] for line in lines] == ["ä", "results.jsonl: disk full", "-"]
    assert re.fullmatch(r"c-queued +orders +queued +\d+ d +0 +0 s +- *", lines[2])


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["a-failed", "b-dead", "c-queued"]),
        (["--state", "failed"], ["a-failed"]),
        (["--state", "failed", "--state", "dead"], ["a-failed", "b-dead"]),
        (["--state", "running"], []),
        (["--function", "orders"], ["b-dead", "c-queued"]),
        (["--limit", "2"], ["a-failed", "b-dead"]),
    ],
)
def test_the_list_can_be_narrowed(events: Events, options: list[str], expected: list[str]) -> None:
    """By state and function; as JSON it is an array."""
    assert ids(events("list", "--json", *options)) == expected


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["list", "--state", "running"], ""),
        (["list", "--function", "oders"], ": none is of a function oders; did you mean orders?"),
        (["redrive", "--function", "oders"], ": none is of a function oders; did you mean orders?"),
    ],
)
def test_where_there_is_none_it_is_said(events: Events, command: list[str], hint: str) -> None:
    """With the name that was meant, where no event has the one that was given."""
    said = events(*command)
    assert (said.code, said.err) == (0, f"no events{hint}\n")


@pytest.mark.usefixtures("store")
def test_one_event_is_shown_whole(events: Events) -> None:
    """With its payload, its last response, and who could not be told; the beginning of its id is enough."""
    shown: dict[str, Any] = json.loads(events("show", "b", "--json").out)
    assert (shown["requestId"], shown["state"], shown["payload"]) == ("b-dead", "dead", {"number": 1})
    assert (shown["condition"], shown["response"]) == ("RetriesExhausted", {"errorMessage": "ä"})
    assert shown["deliveries"] == ["destination ./results.jsonl"]
    assert (shown["deliveryTries"], shown["reason"]) == (12, "results.jsonl: disk full")
    lines = events("show", "b-dead").out.splitlines()
    assert "reason           results.jsonl: disk full" in lines
    assert "dueAt" not in "".join(lines)


async def test_what_a_function_wrote_cannot_move_the_cursor(events: Events, store: SqliteStore) -> None:
    """In tables control characters are blanks, in JSON they are escaped."""
    [waiting] = await store.take("orders", NOW_MS, 1)
    await store.retry(msgspec.structs.replace(waiting, reason="\x1b[2Jgone [bold]too"))
    assert "\x1b" not in events("list").out + events("show", "c").out + events("list", "--json").out
    assert " [2Jgone [bold]too" in events("list").out


@pytest.mark.usefixtures("store")
def test_an_event_that_is_not_there_is_wrong_usage(events: Events) -> None:
    """As is the beginning of two ids, and none at all."""
    assert events("show", "x").code == 2
    assert "no event" in events("show", "x").err
    assert "no event" in events("show", "").err


async def test_a_beginning_of_two_ids_says_so(events: Events, store: SqliteStore) -> None:
    """Nothing is chosen at random."""
    await store.put(_event("b-other", "orders"))
    said = events("redrive", "b")
    assert (said.code, "several events" in said.err) == (2, True)
    assert ids(events("list", "--json", "--state", "dead")) == ["b-dead"]


async def test_redrive_puts_back_what_failed(events: Events, store: SqliteStore) -> None:
    """Under its request id, with no attempt made; the server that runs finds it due."""
    said = events("redrive", "a-f")
    assert (said.code, said.out) == (0, "put back into the queue: 1 event\n")
    [again] = await store.take("bill", 1e15, 10)
    assert (again.request_id, again.attempts, again.throttles, again.reason) == ("a-failed", 0, 0, None)
    assert again.accepted_ms > NOW_MS


async def test_redrive_delivers_again_what_is_dead(events: Events, store: SqliteStore) -> None:
    """Its function does not run again, and there are as many tries as the first time."""
    assert events("redrive", "--state", "dead").out == "put back into the queue: 1 event\n"
    [again] = await store.take_undelivered("orders", 1e15, 10)
    assert (again.event.request_id, again.count, again.deliveries) == ("b-dead", 1, (FILE,))
    assert (again.tries, again.failure) == (0, None)
    assert [event.request_id for event in await store.take("orders", 1e15, 10)] == ["c-queued"]


@pytest.mark.usefixtures("store")
def test_redrive_can_be_narrowed(events: Events) -> None:
    """To a function or a state; what waits or runs is never put back."""
    assert events("redrive", "--function", "orders").out == "put back into the queue: 1 event\n"
    assert events("redrive", "--state", "dead").out == "put back into the queue: 0 events\n"
    said = events("redrive", "c-queued")
    assert (said.code, "is queued" in said.err) == (2, True)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("verb", ["redrive", "purge"])
@pytest.mark.parametrize("options", [[], ["a-failed", "--all"], ["a-failed", "--function", "bill"]])
def test_what_is_meant_must_be_said_once(events: Events, verb: str, options: list[str]) -> None:
    """Nothing chosen is not everything chosen."""
    said = events(verb, *options)
    assert (said.code, "request ids" in said.err) == (2, True)
    assert len(ids(events("list", "--json"))) == 3


@pytest.mark.usefixtures("store")
def test_purge_asks_before(events: Events) -> None:
    """A no leaves everything as it is; --yes asks nothing."""
    said = events("purge", "--state", "dead", typed="n\n")
    assert (said.code, said.out) == (1, "")
    assert "Forget 1 event?" in said.err
    assert events("purge", "--state", "dead", typed="y\n").out == "forgotten: 1 event\n"
    assert events("purge", "a", "--yes").out == "forgotten: 1 event\n"
    assert ids(events("list", "--json")) == ["c-queued"]


async def test_purge_leaves_what_runs(events: Events, store: SqliteStore) -> None:
    """It would be written back when it ends."""
    await store.take("orders", NOW_MS, 1)
    assert events("purge", "--all", "--yes").out == "forgotten: 2 events\n"
    assert ids(events("list", "--json")) == ["c-queued"]
    assert events("purge", "c-queued", "--yes").code == 2


def test_a_missing_store_is_said_with_the_option(events: Events, folder: Path) -> None:
    """Nothing is made."""
    said = events("list")
    assert said.code == 3
    assert str(folder) in said.err
    assert "--data-dir" in said.err
    assert not folder.exists()


def test_a_file_that_is_no_database_is_said(events: Events, folder: Path) -> None:
    """With its path, and it stays as it was."""
    folder.mkdir()
    (folder / "events.db").write_text("not a database at all" * 100)
    said = events("list")
    assert (said.code, str(folder / "events.db") in said.err) == (3, True)

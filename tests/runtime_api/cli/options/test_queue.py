from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from runtime_api.cli import events, serve
from runtime_api.dispatch.events.jetstream import connection
from runtime_api.dispatch.events.jetstream.store import JetStreamStore
from runtime_api.protocol.asynchronous.queue_address import parse_queue_address
from runtime_api.sandbox.clock import SystemClock
from tests.runtime_api.dispatch.events.queued import failed
from tests.runtime_api.dispatch.events.stores import fresh, taken


def run(*arguments: str) -> Result:
    """A command of `pilotlight events`."""
    return CliRunner().invoke(events.command, arguments, standalone_mode=False)


@pytest.fixture
async def store(queue_url: str) -> AsyncIterator[JetStreamStore]:
    """That of a server that runs."""
    store = JetStreamStore(parse_queue_address(queue_url), SystemClock())
    await store.open()
    yield store
    await store.close()


async def test_looking_after_the_events_of_a_queue(store: JetStreamStore, queue_url: str) -> None:
    """As after those of a folder."""
    await store.put(fresh())
    [event] = await taken(store)
    await store.finish(failed(event, ()))

    def look() -> list[Result]:
        commands = (["list"], ["show", "id-1"], ["redrive", "--all"], ["purge", "id-1", "--yes"], ["list", "--json"])
        return [run(*command, "--queue", queue_url) for command in commands]

    results = await asyncio.to_thread(look)
    assert [(result.exception, result.return_value) for result in results] == [(None, 0)] * 5
    assert results[0].stdout.splitlines()[1].split()[:3] == ["id-1", "orders:live", "failed"]
    assert "RetriesExhausted" in results[1].stdout
    assert results[2].stdout == "put back into the queue: 1 event\n"
    assert results[3].stdout == "forgotten: 1 event\n"
    assert results[4].stdout == "[]\n"


def test_a_queue_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, and what may be wrong."""
    monkeypatch.setattr(connection, "CONNECT_S", 0.2)
    result = run("list", "--queue", "nats://127.0.0.1:1")
    assert result.return_value == 3
    assert result.stderr.startswith("pilotlight: nats://127.0.0.1:1/pilotlight cannot be used: ")


@pytest.mark.parametrize("command", [serve.command, events.list_events])
def test_an_address_that_is_none(command: object) -> None:
    """A mistake of usage, said before anything is done."""
    result = CliRunner().invoke(command, ["--queue", "127.0.0.1:4222"])  # type: ignore[arg-type]
    assert result.exit_code == 2
    assert "nats://HOST:PORT" in result.stderr

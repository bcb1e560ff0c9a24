"""Platforms that share a queue on NATS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime_api import EventInvokeConfig, Function, Platform
from runtime_api.dispatch.events.jetstream import connection
from runtime_api.protocol.asynchronous.queue_address import InvalidQueueAddress
from runtime_api.protocol.invoke.errors import ServiceFailure
from tests.runtime_api.waiting import until

SOURCE = """
import os, time

def handler(event, context):
    with open("{journal}", "a") as journal:
        print(event["number"], os.getpid(), context.aws_request_id, file=journal)
    time.sleep(event.get("busy", 0))
    if event.get("fail"):
        raise ValueError("no" * 2_000_000)
"""


@pytest.fixture
def function(tmp_path: Path) -> Function:
    """One that takes notes, one event at a time, and tells of its failures in a file."""
    root = tmp_path / "worker"
    root.mkdir()
    (root / "app.py").write_text(SOURCE.format(journal=tmp_path / "journal"))
    config = EventInvokeConfig(on_failure=f"file:{tmp_path / 'failed.jsonl'}")
    return Function(name="worker", task_root=str(root), handler="app.handler", concurrency=1, event_invoke=config)


def lines(path: Path) -> list[str]:
    """What is in a file, if it is there."""
    return path.read_text().splitlines() if path.exists() else []


async def test_two_platforms_do_the_work(function: Function, tmp_path: Path, queue_url: str) -> None:
    """Of events one of them was given; each runs once."""
    async with Platform([function], queue=queue_url) as first, Platform([function], queue=queue_url):
        for number in range(8):
            await first.invoke_async("worker", b'{"number": %d, "busy": 0.05}' % number)
        await until(lambda: len(lines(tmp_path / "journal")) == 8)
    notes = [line.split() for line in lines(tmp_path / "journal")]
    assert sorted(number for number, *_ in notes) == [str(number) for number in range(8)]
    assert len({sandbox for _, sandbox, _ in notes}) == 2


async def test_an_event_fails_for_good(function: Function, tmp_path: Path, queue_url: str) -> None:
    """After three attempts, however much the function says of it."""
    async with Platform([function], queue=queue_url, time_scale=1000) as platform:
        request_id = await platform.invoke_async("worker", b'{"number": 1, "fail": true}')
        await until(lambda: lines(tmp_path / "failed.jsonl"))
    [record] = lines(tmp_path / "failed.jsonl")
    context = json.loads(record)["requestContext"]
    assert (context["requestId"], context["approximateInvokeCount"]) == (request_id, 3)
    assert [line.split()[2] for line in lines(tmp_path / "journal")] == [request_id] * 3


async def test_a_queue_that_cannot_be_used(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused when the platform is made, or when it is entered."""
    monkeypatch.setattr(connection, "CONNECT_S", 0.2)
    with pytest.raises(InvalidQueueAddress, match="none of nats, tls"):
        Platform([function], queue="redis://127.0.0.1")
    with pytest.raises(ServiceFailure, match=r"nats://127\.0\.0\.1:1/pilotlight cannot be used"):
        async with Platform([function], port=None, queue="nats://127.0.0.1:1"):
            pass

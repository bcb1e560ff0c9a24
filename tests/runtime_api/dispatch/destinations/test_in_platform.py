from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runtime_api import EventInvokeConfig, Function, InvalidFunction, Platform
from runtime_api.protocol.invoke.errors import ServiceFailure
from tests.runtime_api.waiting import until

QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead"
# An hour is a fifth of a second.
FAST = 18_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task root whose function fails when the event says so."""
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    if event == 'bad':\n        raise ValueError('it was bad')\n"
    )
    return tmp_path


def function(folder: Path, name: str, **members: Any) -> Function:  # noqa: ANN401  (any member)
    """A function in the folder."""
    return Function(name=name, task_root=str(folder), handler="app.handler", **members)


def records(path: Path) -> list[Any]:
    """The lines of a file, as far as there is one."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_a_failure_is_told_to_both(folder: Path, aws: Callable[[str], Any], aws_url: str) -> None:
    """To the destination for failures and to the dead-letter queue."""
    queue_url = aws("sqs").create_queue(QueueName="dead")["QueueUrl"]
    path = folder / "failed.jsonl"
    config = EventInvokeConfig(maximum_retry_attempts=0, on_success=str(folder / "never"), on_failure=str(path))
    orders = function(folder, "orders", event_invoke=config, dead_letter_target=QUEUE)
    async with Platform([orders], port=None, aws_endpoint_url=aws_url) as platform:
        request_id = await platform.invoke_async("orders", b'"bad"')
        await until(lambda: records(path))
        letters: list[Any] = []
        await until(lambda: letters or _receive(aws, queue_url, letters))
    [record] = records(path)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    [letter] = letters
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == '"bad"'
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "it was bad"}


def _receive(aws: Callable[[str], Any], queue_url: str, letters: list[Any]) -> bool:
    found = aws("sqs").receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])
    letters += found.get("Messages", [])
    return bool(letters)


async def test_functions_that_are_each_others_destinations_are_stopped(folder: Path) -> None:
    """By the recursion guard: the seventeenth invocation of one is its failure."""
    path = folder / "failed.jsonl"
    first = function(folder, "first", event_invoke=EventInvokeConfig(on_success="second", on_failure=str(path)))
    second = function(folder, "second", event_invoke=EventInvokeConfig(on_success="first", on_failure=str(path)))
    async with Platform([first, second], port=None, time_scale=FAST) as platform:
        await platform.invoke_async("first", b"1")
        await until(lambda: records(path))
    [record] = records(path)
    assert record["requestContext"]["condition"] == "RecursiveInvocation"
    depth = 0
    while isinstance(record, dict):
        record = record["requestPayload"]
        depth += 1
    assert depth == 33


async def test_a_delivery_that_fails_is_tried_again(folder: Path) -> None:
    """With the same record, until the receiver takes it; the function is not run again."""
    posts: list[bytes] = []

    async def receive(request: web.Request) -> web.Response:
        posts.append(await request.read())
        return web.Response(status=503 if len(posts) < 3 else 204)

    app = web.Application()
    app.router.add_post("/", receive)
    async with TestServer(app, host="127.0.0.1") as receiver:
        config = EventInvokeConfig(on_success=str(receiver.make_url("/")))
        orders = function(folder, "orders", event_invoke=config)
        async with Platform([orders], port=None, time_scale=FAST) as platform:
            await platform.invoke_async("orders", b"1")
            await until(lambda: len(posts) == 3)
    assert len(set(posts)) == 1


async def test_an_unusable_destination_is_said_when_the_platform_starts(folder: Path) -> None:
    """A function that is not served at once, a folder that is missing when it is entered."""
    lost = function(folder, "orders", event_invoke=EventInvokeConfig(on_success="nobody"))
    with pytest.raises(InvalidFunction, match="function orders: on_success nobody"):
        Platform([lost])
    nowhere = function(folder, "orders", event_invoke=EventInvokeConfig(on_success="/nowhere/at/all"))
    with pytest.raises(ServiceFailure, match="function orders: on_success /nowhere/at/all"):
        async with Platform([nowhere]):
            pass

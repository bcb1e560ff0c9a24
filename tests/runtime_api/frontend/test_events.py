from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from runtime_api import EventInvokeConfig, Function, Platform
from runtime_api.protocol.invoke.errors import ResourceNotFound, ServiceFailure
from tests.runtime_api.waiting import until

SOURCE = """
import os

def handler(event, context):
    with open("{journal}", "a") as journal:
        print(context.aws_request_id, context.invoked_function_arn, os.environ["_X_AMZN_TRACE_ID"], file=journal)
    if event.get("fail"):
        raise ValueError("no")
    return event
"""


class Journal:
    """What the function wrote down: a line for each time it ran."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def lines(self) -> list[list[str]]:
        """Request id, ARN and trace header of each."""
        return [line.split() for line in self._path.read_text().splitlines()] if self._path.exists() else []


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """That of `function`."""
    return Journal(tmp_path / "journal")


@pytest.fixture
def function(tmp_path: Path) -> Function:
    """One that takes notes, and tells of its failures in a file."""
    root = tmp_path / "worker"
    root.mkdir()
    (root / "app.py").write_text(SOURCE.format(journal=tmp_path / "journal"))
    config = EventInvokeConfig(on_failure=f"file:{tmp_path / 'failed.jsonl'}")
    return Function(name="worker", task_root=str(root), handler="app.handler", event_invoke=config)


@pytest.fixture
async def platform(function: Function, tmp_path: Path) -> AsyncIterator[Platform]:
    """One that is a thousand times as fast in everything that waits."""
    async with Platform([function], data_folder=str(tmp_path / "data"), time_scale=1000) as platform:
        yield platform


async def post(
    platform: Platform, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(platform.endpoint_url + path, data=BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.read()


WAYS: list[tuple[str, dict[str, str]]] = [
    ("/2015-03-31/functions/worker/invocations", {"X-Amz-Invocation-Type": "Event", "X-Amz-Log-Type": "Tail"}),
    ("/2014-11-13/functions/worker/invoke-async", {}),
    ("/2014-11-13/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aworker/invoke-async/", {}),
]


@pytest.mark.parametrize(("path", "headers"), WAYS)
async def test_an_event_is_accepted(platform: Platform, journal: Journal, path: str, headers: dict[str, str]) -> None:
    """202 and no body; the function sees the request id and the trace the caller was told, and the plain ARN."""
    trace_id = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0"
    status, answer, body = await post(platform, path, b'{"a":1}', {**headers, "X-Amzn-Trace-Id": trace_id})
    assert (status, body, answer["Content-Length"]) == (202, b"", "0")
    assert not {"X-Amz-Executed-Version", "X-Amz-Log-Result", "Content-Type"} & set(answer)
    await until(lambda: journal.lines)
    [(request_id, arn, trace)] = journal.lines
    assert request_id == answer["x-amzn-RequestId"]
    assert arn == "arn:aws:lambda:us-east-1:123456789012:function:worker"
    assert trace.startswith("Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8")


REFUSALS: list[tuple[str, bytes, int]] = [
    ("/2015-03-31/functions/worker/invocations", b'"%b"' % (b"x" * (1024 * 1024 - 1)), 413),
    ("/2015-03-31/functions/worker/invocations", b'"%b"' % (b"x" * 6 * 1024 * 1024), 413),
    ("/2015-03-31/functions/worker/invocations", b"{", 400),
    ("/2015-03-31/functions/nobody/invocations", b"{}", 404),
    ("/2015-03-31/functions/worker/invocations?Qualifier=7", b"{}", 404),
    ("/2014-11-13/functions/worker/invoke-async", b'"%b"' % (b"x" * (256 * 1024 - 1)), 413),
    ("/2014-11-13/functions/nobody/invoke-async/", b"{}", 404),
]


async def test_what_is_not_accepted(platform: Platform, tmp_path: Path) -> None:
    """Too large, not JSON, or for nobody; and nothing is kept of it."""
    for path, body, status in REFUSALS:
        got, _, answer = await post(platform, path, body, {"X-Amz-Invocation-Type": "Event"})
        assert (path, got) == (path, status)
        assert json.loads(answer)["Type"] == "User"
    assert not (tmp_path / "data").exists()


async def test_the_largest_events(platform: Platform, journal: Journal) -> None:
    """To the byte."""
    for path, size in (
        ("/2015-03-31/functions/worker/invocations", 1024),
        ("/2014-11-13/functions/worker/invoke-async", 256),
    ):
        body = b'{"a":"%b"}' % (b"x" * (size * 1024 - 8))
        status, _, _ = await post(platform, path, body, {"X-Amz-Invocation-Type": "Event"})
        assert status == 202
    await until(lambda: len(journal.lines) == 2)


async def test_a_failure_is_tried_three_times_and_told(platform: Platform, journal: Journal, tmp_path: Path) -> None:
    """With one request id, and time to order."""
    request_id = await platform.invoke_async("worker", b'{"fail":true}')
    records = tmp_path / "failed.jsonl"
    await until(lambda: records.exists() and records.read_bytes().endswith(b"\n"))
    assert [line[0] for line in journal.lines] == [request_id] * 3
    record = json.loads(records.read_text())
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:worker:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }


async def test_an_event_outlives_its_platform(function: Function, journal: Journal, tmp_path: Path) -> None:
    """The next one on the folder tries it again, under its id; meanwhile no other one gets the folder."""
    folder = str(tmp_path / "data")
    async with Platform([function], data_folder=folder, port=None, time_scale=200) as first:
        request_id = await first.invoke_async("worker", b'{"fail":true}')
        await until(lambda: journal.lines)
        with pytest.raises(ServiceFailure, match="belong to another server"):
            await Platform([function], data_folder=folder, port=None).__aenter__()
    async with Platform([function], data_folder=folder, port=None, time_scale=200):
        await until(lambda: len(journal.lines) == 3)
    assert {line[0] for line in journal.lines} == {request_id}


async def test_without_a_folder_events_last_as_long_as_the_platform(
    function: Function, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left of them."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    async with Platform([function], port=None) as platform:
        await platform.invoke_async("worker")
        await until(lambda: journal.lines)
        with pytest.raises(ResourceNotFound):
            await platform.invoke_async("nobody")
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize("time_scale", [0.0, -1.0, float("nan")])
def test_time_that_stands_still(function: Function, time_scale: float) -> None:
    """Is refused when the platform is made."""
    with pytest.raises(ValueError, match="must be above 0"):
        Platform([function], time_scale=time_scale)

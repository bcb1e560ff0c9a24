"""Versions and aliases as callers, functions and logs see them; and what the account allows."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import aiohttp
import pytest

from runtime_api import Alias, Function, InvalidFunction, Platform
from runtime_api.protocol.invoke.errors import TooManyRequests
from runtime_api.protocol.invoke.lineage import CHAIN_LIMIT
from tests.runtime_api.waiting import PATIENCE_S, until

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
# Answers with what it is told of its version; a list of two is an endpoint and a name it calls in turn, with its trace.
HANDLER = """
import json, os, time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

def handler(event, context):
    if isinstance(event, str):
        while not os.path.exists(event):
            time.sleep(0.002)
    if isinstance(event, list):
        url = f"{event[0]}/2015-03-31/functions/{event[1]}/invocations"
        headers = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
        try:
            return 1 + json.load(urlopen(Request(url, json.dumps(event).encode(), headers)))
        except HTTPError as error:
            return 0 if error.headers["x-amzn-ErrorType"] == "RecursiveInvocationException" else -1000
    return [
        context.function_version,
        context.invoked_function_arn,
        context.log_stream_name,
        os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
    ]
"""


@pytest.fixture
def f(tmp_path: Path) -> Function:
    """$LATEST of a function."""
    (tmp_path / "app.py").write_text(HANDLER)
    return Function(name="f", task_root=str(tmp_path), handler="app.handler", timeout_ms=60_000)


def version(f: Function, number: str, **members: object) -> Function:
    """A version of it."""
    return Function(
        name=f.name,
        task_root=f.task_root,
        handler=f.handler,
        timeout_ms=f.timeout_ms,
        version=number,
        **members,  # type: ignore[arg-type]
    )


async def test_a_version_is_seen_everywhere(f: Function) -> None:
    """By the caller, the function, its log stream and its log; the ARN is as the caller wrote it."""
    log: list[bytes] = []
    seven = version(f, "7", provisioned_concurrency=1)
    live = Alias(function_name="f", name="live", version="7")
    platform = Platform([f, seven], aliases=[live], log=lambda _name, text: log.append(text))
    async with platform, aiohttp.ClientSession(platform.endpoint_url) as session:
        async with session.post("/2015-03-31/functions/f/invocations?Qualifier=live") as response:
            told, arn, stream, variable, kind = await response.json()
            assert response.headers["X-Amz-Executed-Version"] == "7"
        async with session.post("/2015-03-31/functions/f/invocations") as response:
            assert (await response.json())[:2] == ["$LATEST", ARN]
            assert response.headers["X-Amz-Executed-Version"] == "$LATEST"
    assert (told, variable, arn, kind) == ("7", "7", f"{ARN}:live", "provisioned-concurrency")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[7\][0-9a-f]{32}", stream)
    assert re.search(rb"START RequestId: \S+ Version: 7\n", b"".join(log))


async def test_a_function_that_calls_itself(f: Function) -> None:
    """After sixteen invocations in one chain the next is stopped, whichever of its names it is called by."""
    platform = Platform([f, version(f, "1")], aliases=[Alias(function_name="f", name="live", version="1")])
    async with platform:
        outcome = await platform.invoke("f", json.dumps([platform.endpoint_url, "f:live"]).encode())
    assert json.loads(outcome.body) == CHAIN_LIMIT - 1


async def test_functions_share_the_accounts_concurrency(f: Function, tmp_path: Path) -> None:
    """The call of one is refused while the other works, with the account's reason; an idle sandbox is in nobody's way."""
    go = tmp_path / "go"
    other = Function(name="g", task_root=f.task_root, handler=f.handler)
    async with Platform([f, other], port=None, concurrency=1) as platform:
        call = asyncio.ensure_future(platform.invoke("f", json.dumps(str(go)).encode()))
        await until(lambda: [quota.in_flight for quota in platform._dispatcher._capacities] == [1])
        with pytest.raises(TooManyRequests) as refused:
            await platform.invoke("g")
        go.touch()
        await asyncio.wait_for(call, PATIENCE_S)
        await until(lambda: [quota.in_flight for quota in platform._dispatcher._capacities] == [0])
        assert json.loads((await platform.invoke("g")).body)[0] == "$LATEST"
    assert refused.value.body == (
        b'{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'
    )
    assert refused.value.headers == {"Retry-After": "1"}


def test_more_is_reserved_than_there_is(f: Function) -> None:
    """Said when the platform is made."""
    with pytest.raises(InvalidFunction, match="raise the account's concurrency"):
        Platform([version(f, "1", concurrency=3)], concurrency=2)

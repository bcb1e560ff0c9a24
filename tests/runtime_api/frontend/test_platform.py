from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import aiohttp
import pytest

from runtime_api import Function, InvalidFunction, Platform
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invoke.errors import InvalidParameterValue, InvalidRequestContent, ResourceNotFound


@pytest.fixture
def echo(tmp_path: Path) -> Function:
    """A function that answers with its event and ARN."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return [event, context.invoked_function_arn]\n")
    return Function(name="echo", task_root=str(tmp_path), handler="app.handler")


async def test_a_platform_serves_from_enter_to_exit(echo: Function) -> None:
    """The endpoint answers inside the block, and nothing listens after it."""
    async with Platform([echo]) as platform, aiohttp.ClientSession() as session:
        url = platform.endpoint_url
        async with session.post(f"{url}/2015-03-31/functions/echo/invocations", data=b"1") as response:
            assert await response.json() == [1, "arn:aws:lambda:us-east-1:123456789012:function:echo"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"{url}/healthz")


async def test_invoke_needs_no_port(echo: Function) -> None:
    """With port None the platform only runs functions, addressed as callers of the API would."""
    async with Platform([echo], port=None, account=Account("210987654321", "eu-west-1")) as platform:
        outcome = await platform.invoke("echo:$LATEST", b'{"a": 1}')
        assert json.loads(outcome.body) == [{"a": 1}, "arn:aws:lambda:eu-west-1:210987654321:function:echo:$LATEST"]
        with pytest.raises(ResourceNotFound):
            await platform.invoke("nobody")
        with pytest.raises(InvalidRequestContent):
            await platform.invoke("echo", b"{")


async def test_the_log_is_given_to_whoever_asks(echo: Function) -> None:
    """The log sink gets the function's name and every line."""
    seen: list[tuple[str, bytes]] = []
    async with Platform([echo], port=None, log=lambda name, text: seen.append((name, text))) as platform:
        outcome = await platform.invoke("echo", b"1", wants_log_tail=True)
    assert {name for name, _ in seen} == {"echo"}
    assert outcome.log_tail == b"".join(text for _, text in seen)


async def test_tenants(tmp_path: Path) -> None:
    """A call names its tenant, the function and the log see it, and a call without one is refused, both ways in."""
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(event, context):\n    return [context.tenant_id, os.getpid()]\n"
    )
    tenants = Function(name="tenants", task_root=str(tmp_path), handler="app.handler", tenant_isolation=True)
    async with Platform([tenants]) as platform, aiohttp.ClientSession(platform.endpoint_url) as session:
        blue, first = json.loads((await platform.invoke("tenants", tenant_id="blue")).body)
        path = "/2015-03-31/functions/tenants/invocations"
        async with session.post(path, headers={"X-Amz-Tenant-Id": "green"}) as response:
            green, second = await response.json()
        assert (blue, green, first != second) == ("blue", "green", True)
        async with session.post(path) as response:
            kind = response.headers["x-amzn-ErrorType"]
            assert (response.status, kind) == (400, "InvalidParameterValueException")
        with pytest.raises(InvalidParameterValue):
            await platform.invoke("tenants")


def test_two_functions_of_one_name_are_refused(echo: Function) -> None:
    """A name belongs to one function."""
    with pytest.raises(InvalidFunction, match="echo"):
        Platform([echo, echo])


async def test_a_caller_that_leaves_does_not_disturb_the_sandbox(tmp_path: Path) -> None:
    """A caller's connection is cut in the middle of an invocation; the same sandbox finishes it and serves the next."""
    (tmp_path / "app.py").write_text(
        "count = 0\n"
        "def handler(event, context):\n"
        "    global count\n"
        "    count += 1\n"
        "    if event:\n"
        "        open('started', 'w').close()\n"
        "        open('go').read()\n"
        "    return count\n"
    )
    os.mkfifo(tmp_path / "started")
    os.mkfifo(tmp_path / "go")
    finished = asyncio.Event()

    def log(_name: str, text: bytes) -> None:
        if text.startswith(b"REPORT"):
            finished.set()

    function = Function(name="f", task_root=str(tmp_path), handler="app.handler", concurrency=1, timeout_ms=60_000)
    async with Platform([function], log=log) as platform:
        host, port = platform.endpoint_url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
        # A named pipe opens when both ends are there: the handler is running then.
        await asyncio.to_thread((tmp_path / "started").read_bytes)
        writer.close()
        await writer.wait_closed()
        await asyncio.to_thread((tmp_path / "go").write_bytes, b"")
        await asyncio.wait_for(finished.wait(), 30)
        assert (await platform.invoke("f", b"{}")).body == b"2"


def test_the_fixture_serves_blocking_tests(pilotlight: Callable[..., str], echo: Function) -> None:
    """The fixture `pilotlight` of the package serves functions to a test that is not asynchronous."""
    url = pilotlight(echo)
    with urlopen(Request(f"{url}/2015-03-31/functions/echo/invocations", b"[1]"), timeout=20) as response:
        assert json.loads(response.read())[0] == [1]

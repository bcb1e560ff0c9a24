"""Health, readiness and metrics of real platforms, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runtime_api import Function, Platform, UrlConfig
from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.protocol.function.function_name import Account, parse_reference
from runtime_api.protocol.invoke.errors import RecursiveInvocation, TooManyRequests
from runtime_api.protocol.invoke.lineage import CHAIN_LIMIT
from tests.runtime_api.waiting import until

INVOKE = "/2015-03-31/functions/f/invocations"
STREAM = "/2021-11-15/functions/f/response-streaming-invocations"
APP = """
import pathlib, time
def hold(name):
    pathlib.Path(name + ".begun").touch()
    while not pathlib.Path(name).exists():
        time.sleep(0.002)
if pathlib.Path("slow-init").exists():
    hold("init")
def handler(event, context):
    if event == "hold":
        hold("go")
    if event == "fail":
        raise ValueError(event)
    return "done"
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Function]:
    """Makes a function that waits for a file where it is told to."""
    (tmp_path / "app.py").write_text(APP)

    def make(**options: Any) -> Function:  # noqa: ANN401  (Function's own)
        settings = {"timeout_ms": 20_000, "url": UrlConfig(), **options}
        return Function(name="f", task_root=str(tmp_path), handler="app.handler", **settings)

    return make


async def scraped(session: aiohttp.ClientSession) -> dict[str, float]:
    """Every sample by its name and labels, as they are written."""
    async with session.get("/metrics") as response:
        assert response.status == 200
        lines = (await response.text()).splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


async def readiness(session: aiohttp.ClientSession) -> tuple[int, str]:
    """The status of `/readyz`, and the stage it names."""
    async with session.get("/readyz") as response:
        return response.status, json.loads(await response.read())["status"]


async def test_calls_become_numbers(make: Callable[..., Function]) -> None:
    """What was called, what failed, what went through the URL and what was handed in; nothing a caller sends becomes a label."""
    async with Platform([make()]) as platform, aiohttp.ClientSession(platform.endpoint_url) as session:
        for event in ('"x"', '"fail"'):
            async with session.post(INVOKE, data=event) as response:
                assert response.status == 200
        async with session.get("/lambda-url/f/secret") as response:
            assert response.status == 200
        async with session.get("/lambda-url/nobody/") as response:
            assert response.status == 403
        await platform.invoke_async("f")
        version = '{function="f",version="$LATEST"}'
        found: dict[str, float] = {}
        while found.get(f"lambda_duration_seconds_count{version}") != 4:
            found = await scraped(session)
        assert found[f"lambda_invocations_total{version}"] == 4
        assert found[f"lambda_errors_total{version}"] == 1
        assert found[f"pilotlight_cold_starts_total{version}"] >= 1
        assert found['lambda_async_events_received_total{function="f"}'] == 1
        assert found['lambda_async_event_age_seconds_count{function="f"}'] == 1
        assert found['lambda_url_request_count_total{alias="",function="f"}'] == 1
        assert not [name for name in found if "secret" in name or "nobody" in name]


async def test_refused_calls_are_no_invocations(make: Callable[..., Function]) -> None:
    """A throttle and a loop are counted as what they are."""
    function = make(concurrency=0)
    dispatcher = Dispatcher([function], Account())
    target = dispatcher.find(parse_reference("f"))
    with pytest.raises(TooManyRequests):
        await dispatcher.invoke(function, target.invocation(b"1", "id", "Root=1"))
    with pytest.raises(RecursiveInvocation):
        target.invocation(b"1", "id", f"Root=1;Lineage=1:{target.lineage_id}:{CHAIN_LIMIT - 1}")
    tally = dispatcher.metrics.of(function)
    assert (tally.throttles, tally.recursive_invocations_dropped, tally.invocations) == (1, 1, 0)
    await dispatcher.close()


async def test_it_is_ready_once_what_is_provisioned_is_warm(make: Callable[..., Function], tmp_path: Path) -> None:
    """Until then the port is open and says why calls are refused."""
    (tmp_path / "slow-init").touch()
    platform = Platform([make(version="1", provisioned_concurrency=1, url=None)])
    entering = asyncio.ensure_future(platform.__aenter__())
    await until((tmp_path / "init.begun").exists)
    async with aiohttp.ClientSession(platform.endpoint_url) as session:
        assert await readiness(session) == (503, "warming")
        async with session.get("/healthz") as response:
            assert response.status == 200
        async with session.post(INVOKE) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
        (tmp_path / "init").touch()
        await entering
        assert await readiness(session) == (200, "ready")
        states = await scraped(session)
        assert states['pilotlight_sandboxes{function="f",state="idle",version="1"}'] == 1
        assert states['lambda_provisioned_concurrency_utilization{function="f",version="1"}'] == 0
        await platform.invoke("f:1")
        states = await scraped(session)
        assert states['lambda_provisioned_concurrency_invocations_total{function="f",version="1"}'] == 1
        assert states['pilotlight_cold_starts_total{function="f",version="1"}'] == 0
    await platform.__aexit__(None, None, None)


async def test_a_drain_waits_for_no_upload(make: Callable[..., Function]) -> None:
    """A request whose body is not here yet is no call under way; it is refused once it is."""
    async with Platform([make()]) as platform:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(platform.endpoint_url.rpartition(":")[2]))
        writer.write(b"POST /lambda-url/f/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert b"100" in await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(platform.drain(60_000), 20)
        writer.write(b"{}")
        assert b"503" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()


async def test_a_drain_lets_calls_end_and_no_others_begin(make: Callable[..., Function], tmp_path: Path) -> None:
    """By every way in; those who ask are told, each answer is the last of its connection, and the call under way gets its own."""
    async with Platform([make()]) as platform, aiohttp.ClientSession(platform.endpoint_url) as session:
        held = asyncio.ensure_future(session.post(INVOKE, data='"hold"'))
        await until((tmp_path / "go.begun").exists)
        draining = asyncio.ensure_future(platform.drain(20_000))
        while await readiness(session) != (503, "draining"):
            pass
        for path in (INVOKE, STREAM, "/lambda-url/f/", "/2014-11-13/functions/f/invoke-async"):
            async with session.post(path, data="{}") as response:
                assert (response.status, response.headers["Connection"]) == (503, "close"), path
                assert response.headers["x-amzn-ErrorType"] == "ServiceUnavailableException"
        assert not draining.done()
        (tmp_path / "go").touch()
        answer = await held
        assert (await answer.json(), answer.headers["Connection"]) == ("done", "close")
        await draining

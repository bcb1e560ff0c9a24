"""X-Ray from the caller's header to the daemon's datagram."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runtime_api import Function, Platform
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invoke.errors import ServiceFailure
from runtime_api.protocol.invoke.lineage import lineage_id
from runtime_api.protocol.invoke.trace import parse_trace
from tests.runtime_api.waiting import PATIENCE_S

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
UPSTREAM = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1"
# As the function has it: itself counted.
ONWARD = f"{UPSTREAM}|{lineage_id(Account().function_arn('traced'))}:0"
HANDLER = """
import os

def handler(event, context):
    if event == "raise":
        raise ValueError("asked to")
    return [os.environ["_X_AMZN_TRACE_ID"], os.environ["AWS_XRAY_DAEMON_ADDRESS"]]
"""


@pytest.fixture
def traced(tmp_path: Path) -> Function:
    """A function that answers with the trace it was given."""
    (tmp_path / "app.py").write_text(HANDLER)
    return Function(name="traced", task_root=str(tmp_path), handler="app.handler", timeout_ms=30_000)


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """Where a daemon would listen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        yield receiver


def address_of(daemon: socket.socket) -> str:
    """Its HOST:PORT."""
    host, port = daemon.getsockname()
    return f"{host}:{port}"


async def segment_at(daemon: socket.socket) -> dict[str, Any]:
    """The next document that arrives."""
    received = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(daemon, 65_536), PATIENCE_S)
    header, _, document = received.partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    segment: dict[str, Any] = json.loads(document)
    return segment


async def test_a_sampled_call_has_a_segment(traced: Function, daemon: socket.socket) -> None:
    """The function is given a segment of its own below the caller's, the daemon gets it, and the log names it."""
    log: list[bytes] = []
    platform = Platform([traced], log=lambda _name, text: log.append(text), xray_daemon=address_of(daemon))
    async with platform, aiohttp.ClientSession(platform.endpoint_url) as session:
        path = "/2015-03-31/functions/traced/invocations"
        async with session.post(path, data=b"1", headers={"X-Amzn-Trace-Id": UPSTREAM}) as response:
            given, told = await response.json()
            assert response.headers["X-Amzn-Trace-Id"] == ONWARD
        segment = await segment_at(daemon)
    trace = parse_trace(given)
    assert told == address_of(daemon)
    assert (trace.get("Root"), trace.get("Sampled"), trace.get("Lineage")) == (
        ROOT,
        "1",
        parse_trace(ONWARD).get("Lineage"),
    )
    assert (segment["trace_id"], segment["id"], segment["parent_id"]) == (ROOT, trace.get("Parent"), "53995c3f42cd8ad8")
    assert [part["name"] for part in segment["subsegments"]] == ["Initialization", "Invocation", "Overhead"]
    assert f"XRAY TraceId: {ROOT}\tSegmentId: {trace.get('Parent')}\tSampled: true\t\n".encode() in b"".join(log)


async def test_an_error_brings_its_cause(traced: Function, daemon: socket.socket) -> None:
    """What the runtime reports of the exception is in the segment."""
    async with Platform([traced], port=None, xray_daemon=address_of(daemon)) as platform:
        await platform.invoke("traced", b'"raise"')
        segment = await segment_at(daemon)
    assert segment["fault"] is True
    assert [(one["type"], one["message"]) for one in segment["cause"]["exceptions"]] == [("ValueError", "asked to")]


async def test_without_a_daemon_the_header_is_passed_on(traced: Function) -> None:
    """As it came, the function counted in its lineage, and nothing is sampled of calls that bring none."""
    async with Platform([traced]) as platform, aiohttp.ClientSession(platform.endpoint_url) as session:
        path = "/2015-03-31/functions/traced/invocations"
        async with session.post(path, headers={"X-Amzn-Trace-Id": UPSTREAM}) as response:
            assert (await response.json())[0] == ONWARD
        async with session.post(path) as response:
            assert parse_trace((await response.json())[0]).get("Sampled") == "0"


async def test_an_address_that_is_none(traced: Function) -> None:
    """Said when the platform is entered, with the form it should have."""
    with pytest.raises(ServiceFailure, match=r"use HOST:PORT, such as 127\.0\.0\.1:2000"):
        async with Platform([traced], port=None, xray_daemon="nowhere"):
            pass

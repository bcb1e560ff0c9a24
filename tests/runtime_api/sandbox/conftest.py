"""Fixtures of the sandbox's tests. Each test runs on the standard library's event loop, and on the one the command line uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import psutil
import pytest
import uvloop

from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.endpoint.runtime_endpoint import RuntimeEndpoint
from tests.runtime_api.fake_runtime import FakeRuntime, RecordingOwner
from tests.runtime_api.layered_place import layered_place
from tests.runtime_api.living_sandbox import LivingSandbox
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories() -> Mapping[str, LoopFactory]:
    """The loops, by the name that stands in a test's id."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


class OpenEndpoint:
    """An endpoint that listens, its owner, and its clients."""

    def __init__(self) -> None:
        self.owner = RecordingOwner()
        self.endpoint = RuntimeEndpoint(self.owner)
        self._clients: list[FakeRuntime] = []

    async def connect(self) -> FakeRuntime:
        """One more connection."""
        client = await FakeRuntime.connect(self.endpoint.address)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Close everybody."""
        for client in self._clients:
            await client.close()
        self.endpoint.close()
        await self.endpoint.wait_until_disconnected()


@pytest.fixture
async def opened(no_loop_errors: None) -> AsyncIterator[OpenEndpoint]:
    """An endpoint on a free port."""
    opened = OpenEndpoint()
    await opened.endpoint.open()
    yield opened
    await opened.close()


@pytest.fixture
async def runtime(opened: OpenEndpoint) -> FakeRuntime:
    """A client of it."""
    return await opened.connect()


Start = Callable[[Function], Awaitable[LivingSandbox]]
StartIn = Callable[[Function, Path], Awaitable[LivingSandbox]]


@pytest.fixture
async def living(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[list[LivingSandbox]]:
    """Sandboxes that are stopped after the test; no process of ours, and no child of a runtime, outlives it."""
    # Servers other tests share may live on.
    children_before = set(psutil.Process().children())
    living: list[LivingSandbox] = []
    yield living
    for one in living:
        await close_soon(one, clock)
    assert set(psutil.Process().children()) <= children_before


async def close_soon(living: LivingSandbox, clock: VirtualClock) -> None:
    """Close it; extensions have two seconds to leave, and nobody wants to wait for them here."""
    closing = asyncio.ensure_future(living.close())

    def is_closed() -> bool:
        clock.advance(100)
        return closing.done()

    await until(is_closed)
    await closing


@pytest.fixture
def start(clock: VirtualClock, living: list[LivingSandbox]) -> Start:
    """Start a sandbox."""

    async def start(function: Function) -> LivingSandbox:
        one = LivingSandbox(function, clock)
        living.append(one)
        await one.sandbox.start()
        return one

    return start


@pytest.fixture
def start_in(clock: VirtualClock, living: list[LivingSandbox]) -> StartIn:
    """Start a sandbox whose /opt is a folder of the test."""

    async def start(function: Function, opt: Path) -> LivingSandbox:
        one = LivingSandbox(function, clock, layered_place(function, clock, opt))
        living.append(one)
        await one.sandbox.start()
        return one

    return start

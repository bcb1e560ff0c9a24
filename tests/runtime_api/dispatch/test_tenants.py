"""Tenants and their sandboxes: real processes, and a clock that stands still."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from runtime_api.dispatch.pool import Pool
from runtime_api.dispatch.tenants import TenantPools
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.errors import ServiceFailure, TooManyRequests
from runtime_api.sandbox.isolation.places import Places
from tests.runtime_api.conftest import Script
from tests.runtime_api.dispatch.capacities import capacity_of
from tests.runtime_api.fake_runtime import invocation
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

# Answers with its process and what an earlier call left in /tmp; an event that names a file waits until it exists, "exit" ends it.
KEEPER = """
    import tempfile, time
    api = Api()
    while True:
        request_id, body = api.next()
        order = body.decode().strip('"')
        kept = os.path.join(tempfile.gettempdir(), "kept")
        found = os.path.exists(kept)
        open(kept, "w").close()
        if order == "exit":
            os._exit(1)
        while order and not os.path.exists(order):
            time.sleep(0.001)
        api.respond(request_id, f"[{os.getpid()}, {str(found).lower()}]".encode())
    """


class LivingTenants:
    """A function of several tenants, and calls of each."""

    def __init__(self, function: Function, clock: VirtualClock) -> None:
        self.function = function
        self.places = Places(clock)
        self.capacity = capacity_of(function, clock)
        self.pools = TenantPools(
            function, self.capacity, lambda: Pool(function, Account(), clock, self.places, self.capacity)
        )

    @property
    def tenants(self) -> dict[str, Pool]:
        """The pool of each tenant there is."""
        return {tenant_id: tenant.pool for tenant_id, tenant in self.pools._tenants.items()}

    @property
    def sandboxes(self) -> int:
        """How many there are in all."""
        return sum(pool.size for pool in self.tenants.values())

    def calling(self, tenant_id: str, order: str = "") -> asyncio.Task[Outcome]:
        """A tenant's call under way."""
        event = msgspec.structs.replace(invocation(payload=f'"{order}"'.encode()), tenant_id=tenant_id)
        return asyncio.ensure_future(self.pools.invoke(event))

    async def call(self, tenant_id: str, order: str = "") -> Outcome:
        """A tenant's call and its outcome."""
        return await asyncio.wait_for(self.calling(tenant_id, order), PATIENCE_S)

    async def ask(self, tenant_id: str) -> tuple[int, bool]:
        """The process that answers a tenant, and whether its /tmp was used before."""
        pid, found = json.loads((await self.call(tenant_id)).body)
        return pid, found

    async def idle(self, *tenant_ids: str) -> None:
        """Wait until each of these tenants has an idle sandbox."""
        await until(lambda: all(self.tenants[tenant_id]._idle for tenant_id in tenant_ids))


Open = Callable[[Function], LivingTenants]


@pytest.fixture
async def open_tenants(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Open]:
    """Tenants whose sandboxes are stopped after the test; no process and no descriptor outlives them."""
    children_before = set(psutil.Process().children())
    before = len(os.listdir("/proc/self/fd"))
    opened: list[LivingTenants] = []

    def open_tenants(function: Function) -> LivingTenants:
        opened.append(LivingTenants(function, clock))
        return opened[-1]

    yield open_tenants
    for living in opened:
        await living.pools.close()
        await living.places.close()
        assert (living.sandboxes, living.pools._leaving) == (0, set())
    assert set(psutil.Process().children()) <= children_before
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_tenants_never_meet(script: Script, open_tenants: Open) -> None:
    """Each has a process and a /tmp of its own, and finds them again."""
    living = open_tenants(script(KEEPER, tenant_isolation=True))
    blue, green = await living.ask("blue"), await living.ask("green")
    assert blue[0] != green[0]
    assert (blue[1], green[1]) == (False, False)
    await living.idle("blue", "green")
    assert (await living.ask("green"), await living.ask("blue")) == ((green[0], True), (blue[0], True))


async def test_an_idle_tenant_makes_room(script: Script, open_tenants: Open) -> None:
    """The sandbox that is least recently used is ended where the function may have no other."""
    living = open_tenants(script(KEEPER, tenant_isolation=True, concurrency=2))
    first = {tenant: await living.ask(tenant) for tenant in ("blue", "green")}
    await living.idle("blue", "green")
    await living.ask("blue")
    await living.idle("blue")
    await living.ask("red")
    assert living.sandboxes == 2
    assert (await living.ask("blue"))[0] == first["blue"][0]
    await living.idle("blue", "red")
    assert (await living.ask("green")) != first["green"]
    assert living.sandboxes == 2


async def test_nobody_at_work_makes_room(script: Script, open_tenants: Open) -> None:
    """Where every sandbox is busy, another tenant gets a 429."""
    living = open_tenants(script(KEEPER, tenant_isolation=True, concurrency=1))
    call = living.calling("blue", "go")
    await until(lambda: living.sandboxes == 1)
    with pytest.raises(TooManyRequests):
        await living.call("green")
    Path(living.function.task_root, "go").touch()
    await asyncio.wait_for(call, PATIENCE_S)


async def test_what_a_failed_sandbox_leaves_is_its_tenants(script: Script, open_tenants: Open) -> None:
    """The /tmp of a sandbox that failed is found by its tenant again, and by no other."""
    living = open_tenants(script(KEEPER, tenant_isolation=True))
    await living.call("blue", "exit")
    assert (await living.ask("green"))[1] is False
    assert (await living.ask("blue"))[1] is True


async def test_tenants_that_rest_are_forgotten(script: Script, open_tenants: Open) -> None:
    """A hundred tenants do not leave a hundred pools behind."""
    living = open_tenants(script(KEEPER, tenant_isolation=True, concurrency=2))
    for number in range(10):
        await living.call(f"tenant-{number}", "exit")
        assert len(living.tenants) <= 2


async def test_nothing_is_started_once_closed(script: Script, open_tenants: Open) -> None:
    """A call that comes as the platform goes is told so."""
    living = open_tenants(script(KEEPER, tenant_isolation=True))
    await living.pools.close()
    with pytest.raises(ServiceFailure, match="shutting down"):
        await living.call("blue")

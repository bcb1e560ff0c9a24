"""The sandboxes of a function with tenant isolation.

Strategy: each tenant has a pool of its own, so that no sandbox and no place of one, with its /tmp, is ever another's. All share the
function's quota: where that is used up, the sandbox of another tenant that is idle makes room. Pools of tenants that have nothing
running are kept for what a failed sandbox left to them, as long as there are no more of them than there may be sandboxes.
Source: the Developer Guide's tenant-isolation pages.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from runtime_api.dispatch.capacity import Capacity
from runtime_api.dispatch.pool import CLOSED, Pool
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.invoke.errors import ServiceFailure


class _Tenant:
    """One tenant: its pool, and how many of its calls are under way."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.calls = 0

    @property
    def is_resting(self) -> bool:
        return not self.calls and not self.pool.size


class TenantPools:
    """Runs the invocations of one function; `make_pool` makes a tenant's pool, each with the same `capacity`."""

    def __init__(self, function: Function, capacity: Capacity, make_pool: Callable[[], Pool]) -> None:
        self.function = function
        self._capacity = capacity
        self._make_pool = make_pool
        # The least recently used is first.
        self._tenants: dict[str, _Tenant] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    async def warm(self) -> None:
        """Nothing is provisioned for tenants."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run it, which names its tenant, in a sandbox of that tenant; raises what `Pool.invoke` raises."""
        if self._closed:
            raise ServiceFailure(CLOSED)
        tenant = self._find(invocation.tenant_id or "")
        tenant.calls += 1
        try:
            return await tenant.pool.invoke(invocation)
        finally:
            tenant.calls -= 1

    async def close(self) -> None:
        """Stop every sandbox of every tenant; no other is started."""
        self._closed = True
        await asyncio.gather(*(tenant.pool.close() for tenant in self._tenants.values()))
        await asyncio.gather(*self._leaving)

    def states(self) -> Counter[str]:
        """How many sandboxes are in each state, of all tenants together."""
        return sum((tenant.pool.states() for tenant in self._tenants.values()), Counter[str]())

    def _find(self, tenant_id: str) -> _Tenant:
        tenant = self._tenants.pop(tenant_id, None)
        if tenant is None:
            self._forget_resting()
            tenant = _Tenant(self._make_pool())
        self._tenants[tenant_id] = tenant
        return tenant

    def _forget_resting(self) -> None:
        for tenant_id, tenant in list(self._tenants.items()):
            if len(self._tenants) < self._capacity.quota.limit:
                return
            if tenant.is_resting:
                del self._tenants[tenant_id]
                leaving = asyncio.ensure_future(tenant.pool.close())
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)

"""A pool with real processes in it, on a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from runtime_api.dispatch.capacity import Capacity
from runtime_api.dispatch.pool import Pool
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Outcome
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.sandbox import SandboxState
from runtime_api.sandbox.telling.outlets import Outlets
from tests.runtime_api.dispatch.capacities import capacity_of
from tests.runtime_api.fake_runtime import invocation
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

# Says its process number; an event that names a file waits until it exists, other events end, fail or answer.
OBEDIENT = """
    import time
    api = Api()
    while True:
        request_id, body = api.next()
        order = body.decode().strip('"')
        if order == "exit":
            os._exit(1)
        if order == "fail":
            api.fail(request_id, str(os.getpid()).encode())
            continue
        if order == "answer and exit":
            api.respond(request_id, str(os.getpid()).encode())
            os._exit(0)
        if order == "answer and stay":
            api.respond(request_id, str(os.getpid()).encode())
            signal.pause()
        if order.startswith("answer before "):
            api.respond(request_id, str(os.getpid()).encode())
            while not os.path.exists(order[14:]):
                time.sleep(0.001)
            continue
        while order and not os.path.exists(order):
            time.sleep(0.001)
        api.respond(request_id, str(os.getpid()).encode())
    """


class LivingPool:
    """A pool, how many sandboxes it has started, and calls by number."""

    def __init__(self, function: Function, clock: VirtualClock, capacity: Capacity | None = None) -> None:
        self.function = function
        self.log = b""
        self.places = Places(clock)
        self.capacity = capacity or capacity_of(function, clock)
        self.pool = Pool(function, Account(), clock, self.places, self.capacity, Outlets(self._on_log))
        self._count = 0

    def _on_log(self, _name: str, text: bytes) -> None:
        self.log += text

    @property
    def pids(self) -> set[int]:
        """Every process there is."""
        return {
            sandbox._programs.runtime.group.pid for sandbox in self.pool._live if sandbox._programs.runtime is not None
        }

    def calling(self, order: str = "") -> asyncio.Task[Outcome]:
        """A call under way."""
        self._count += 1
        return asyncio.ensure_future(self.pool.invoke(invocation(f"id-{self._count}", f'"{order}"'.encode())))

    async def call(self, order: str = "") -> Outcome:
        """A call and its outcome."""
        return await asyncio.wait_for(self.calling(order), PATIENCE_S)

    async def pid(self) -> int:
        """The process that answers now."""
        return int((await self.call()).body)

    async def idle(self, count: int = 1) -> None:
        """Wait until so many sandboxes could take a call."""
        await until(lambda: len(self.pool._idle) == count)

    async def busy(self, count: int = 1) -> None:
        """Wait until so many sandboxes hold an event that is not answered yet."""
        await until(lambda: self._working() == count)

    def _working(self) -> int:
        return sum(one.state is SandboxState.BUSY and not one.finishing for one in self.pool._live)

    def release(self, name: str) -> None:
        """Have the call that waits for this file go on."""
        Path(self.function.task_root, name).touch()


Open = Callable[..., LivingPool]


async def close_soon(pool: Pool, clock: VirtualClock) -> None:
    """Close it, without waiting for those who may take their time to leave."""
    closing = asyncio.ensure_future(pool.close())

    def is_closed() -> bool:
        clock.advance(100)
        return closing.done()

    await until(is_closed)
    await closing

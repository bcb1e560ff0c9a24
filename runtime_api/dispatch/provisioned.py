"""Which sandboxes of a pool are provisioned, which of them are ready, and which are still in their init.

One that ends after it has taken an invocation is replaced. One that does not get through init, or ends before anybody used it, is
given up: the next would fare no better, and calls are then served on demand.
Source: the Developer Guide's provisioned-concurrency page.
"""

from __future__ import annotations

import asyncio
from enum import Enum

import msgspec

from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.sandbox import Sandbox


class Ending(Enum):
    """When one ended."""

    IN_INIT = "before it was ready"
    UNUSED = "before anybody used it"
    USED = "after it was used"


class Provisioned:
    """Those of one version of a function."""

    def __init__(self, function: Function) -> None:
        self.count = function.provisioned_concurrency
        self._function = function
        self._ready: list[Sandbox] = []
        # Each one alive, and whether it has been used.
        self._used: dict[Sandbox, bool] = {}
        self._warming: dict[Sandbox, asyncio.Future[bool]] = {}

    @property
    def function(self) -> Function:
        """The function as these sandboxes run it."""
        return msgspec.structs.replace(self._function, init_type="provisioned-concurrency", provisioned_concurrency=0)

    def add(self, sandbox: Sandbox) -> asyncio.Future[bool]:
        """One that is about to start; the future says whether it got through init."""
        self._used[sandbox] = False
        warmed = self._warming[sandbox] = asyncio.get_running_loop().create_future()
        return warmed

    def has(self, sandbox: Sandbox) -> bool:
        """Whether it is one of them, and alive."""
        return sandbox in self._used

    def take(self) -> Sandbox | None:
        """One that is ready, the last used first."""
        while self._ready:
            sandbox = self._ready.pop()
            if sandbox.can_invoke():
                self._used[sandbox] = True
                return sandbox
        return None

    def rest(self, sandbox: Sandbox, *, is_promised: bool) -> None:
        """One is idle, through with init or with an invocation; unless somebody waits for it, it is ready."""
        self._used[sandbox] |= is_promised
        if not is_promised:
            self._ready.append(sandbox)
        self._tell(sandbox, is_warm=True)

    def end(self, sandbox: Sandbox) -> Ending:
        """One has ended."""
        if sandbox in self._ready:
            self._ready.remove(sandbox)
        if sandbox in self._warming:
            self._tell(sandbox, is_warm=False)
            del self._used[sandbox]
            return Ending.IN_INIT
        return Ending.USED if self._used.pop(sandbox) else Ending.UNUSED

    def _tell(self, sandbox: Sandbox, *, is_warm: bool) -> None:
        warmed = self._warming.pop(sandbox, None)
        if warmed is not None and not warmed.done():
            warmed.set_result(is_warm)

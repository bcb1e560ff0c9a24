"""The capacity of one function by itself, as the dispatcher would make it."""

from __future__ import annotations

from runtime_api.dispatch.capacity import Capacity
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.concurrency import ACCOUNT_LIMIT_DEFAULT, share_out
from runtime_api.protocol.function.function import Function


def capacity_of(function: Function, clock: Clock, idle_timeout_ms: float | None = None) -> Capacity:
    """What is reserved for the function, or all the account has."""
    quota = share_out([function], ACCOUNT_LIMIT_DEFAULT)[function.name]
    return Capacity(quota, clock, idle_timeout_ms)

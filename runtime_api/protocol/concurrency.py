"""How many invocations may run at once, how many may begin in a second, and how fast sandboxes may be added.

Strategy: concurrency is counted in invocations, not in sandboxes: an idle sandbox uses none. What is provisioned for a version is set
aside for it. Reserved concurrency is a function's own, all its versions together: what its provisioned part leaves is a quota of its
own. All functions without share one quota, the account's rest. So each invocation that no provisioned sandbox takes is counted in
exactly one quota, and where that is full the call is refused with the quota's reason.
Source: the Developer Guide's pages lambda-concurrency and scaling-behavior, and TooManyRequestsException in the API reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.invoke.errors import TooManyRequests

# The service's is 1000. Every sandbox is a process here, and most machines are one.
ACCOUNT_LIMIT_DEFAULT = 100
# The service ends idle sandboxes after some minutes, and does not say how many.
IDLE_TIMEOUT_DEFAULT_MS = 300_000
# lambda-concurrency: calls a second for each concurrent invocation
RATE_FACTOR = 10
# scaling-behavior: so many sandboxes at once, and as many again every ten seconds
SCALING_BURST = 1000
SCALING_PER_S = 100

_ACCOUNT_FULL = "ConcurrentInvocationLimitExceeded"
_ACCOUNT_TOO_FAST = "FunctionInvocationRateLimitExceeded"
_RESERVED_FULL = "ReservedFunctionConcurrentInvocationLimitExceeded"
_RESERVED_TOO_FAST = "ReservedFunctionInvocationRateLimitExceeded"


class TokenBucket:
    """So many at once, and `per_s` more each second, never more than `size` in hand."""

    def __init__(self, size: float, per_s: float) -> None:
        self._size = size
        self._per_s = per_s
        self._left = size
        self._filled_ms: float | None = None

    def take(self, now_ms: float) -> bool:
        """Take one, if there is one; `now_ms` is monotonic."""
        if self._filled_ms is not None:
            self._left = min(self._size, self._left + (now_ms - self._filled_ms) * self._per_s / 1000)
        self._filled_ms = now_ms
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Quota:
    """So many invocations at once; `rate` is there where calls a second are limited too."""

    def __init__(self, limit: int, reason: str, rate: TokenBucket | None = None, rate_reason: str = "") -> None:
        self.limit = limit
        self.in_flight = 0
        self._reason = reason
        self.rate = rate
        self._rate_reason = rate_reason

    @property
    def has_room(self) -> bool:
        """Whether one more may begin."""
        return self.in_flight < self.limit

    def take(self) -> None:
        """One more begins; raises TooManyRequests."""
        if self.in_flight >= self.limit:
            raise self.refusal()
        self.in_flight += 1

    def give_back(self) -> None:
        """One is over."""
        self.in_flight -= 1

    def refusal(self) -> TooManyRequests:
        """What a call is told that finds it full."""
        return TooManyRequests(self._reason)

    def check_rate(self, now_ms: float) -> None:
        """A call came, whatever will run it; raises TooManyRequests where too many came in this second."""
        if self.rate is not None and not self.rate.take(now_ms):
            raise TooManyRequests(self._rate_reason)


def with_reserved(functions: Iterable[Function]) -> list[Function]:
    """The functions, each version with the concurrency that is reserved for all of them, whichever says so."""
    functions = list(functions)
    reserved = {one.name: one.concurrency for one in functions if one.concurrency is not None}
    return [
        msgspec.structs.replace(one, concurrency=reserved[one.name])
        if one.concurrency != reserved.get(one.name)
        else one
        for one in functions
    ]


def provision(functions: Iterable[Function], aliases: Iterable[Alias]) -> list[Function]:
    """The functions, each version with what is provisioned for it by aliases too; raises InvalidFunction."""
    wanted: Counter[tuple[str, str]] = Counter()
    for alias in aliases:
        wanted[alias.function_name, alias.version] += alias.provisioned_concurrency
    return [_with_more(function, wanted[function.name, function.version]) for function in functions]


def _with_more(function: Function, count: int) -> Function:
    if not count:
        return function
    return msgspec.structs.replace(function, provisioned_concurrency=function.provisioned_concurrency + count)


def share_out(functions: Sequence[Function], account_limit: int, *, rate_limits: bool = False) -> dict[str, Quota]:
    """The quota of each function, by name; raises InvalidFunction where more is set aside than the account has."""
    provisioned: Counter[str] = Counter()
    for function in functions:
        provisioned[function.name] += function.provisioned_concurrency
    reserved = {one.name: one.concurrency for one in functions if one.concurrency is not None}
    set_aside = sum(reserved.get(name, provisioned[name]) for name in provisioned)
    needed = set_aside + any(name not in reserved and not provisioned[name] for name in provisioned)
    if needed > account_limit:
        each = {name: reserved.get(name, provisioned[name]) for name in provisioned}
        names = ", ".join(f"{name} {number}" for name, number in each.items() if number)
        raise InvalidFunction(
            f"{set_aside} invocations at once are reserved or provisioned ({names}), "
            f"which {account_limit} of the account leave no room for: "
            "raise the account's concurrency (--account-concurrency), or set less aside",
            "concurrency",
        )
    shared = Quota(account_limit - set_aside, _ACCOUNT_FULL, _rate(account_limit, rate_limits), _ACCOUNT_TOO_FAST)
    own = {
        name: Quota(limit - provisioned[name], _RESERVED_FULL, _rate(limit, rate_limits), _RESERVED_TOO_FAST)
        for name, limit in reserved.items()
    }
    return {name: own.get(name, shared) for name in provisioned}


def _rate(concurrency: int, is_limited: bool) -> TokenBucket | None:
    per_s = RATE_FACTOR * concurrency
    return TokenBucket(per_s, per_s) if is_limited else None

"""Who may run how much at once: quotas, rates and what is set aside."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.protocol.concurrency import Quota, TokenBucket, provision, share_out, with_reserved
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.invoke.errors import TooManyRequests


def function(name: str = "f", version: str = "$LATEST", **members: object) -> Function:
    """One that nobody starts."""
    return Function(name=name, task_root="/srv", handler="app.handler", version=version, **members)  # type: ignore[arg-type]


def reason_of(quota: Quota) -> str:
    """Take all it has, and one more: why that is refused."""
    for _ in range(quota.limit):
        quota.take()
    with pytest.raises(TooManyRequests) as refused:
        quota.take()
    return refused.value.reason


def test_functions_share_what_nobody_reserved() -> None:
    """One quota for all that reserve nothing, with the reason of the account."""
    quotas = share_out([function("a"), function("b"), function("c", concurrency=3)], 10)
    assert quotas["a"] is quotas["b"]
    assert (quotas["a"].limit, quotas["c"].limit) == (7, 3)
    assert reason_of(quotas["a"]) == "ConcurrentInvocationLimitExceeded"
    assert quotas["c"].has_room


def test_reserved_concurrency_is_a_functions_own() -> None:
    """It is refused with the reason of its own, however much the account has."""
    assert (
        reason_of(share_out([function(concurrency=2)], 10)["f"]) == "ReservedFunctionConcurrentInvocationLimitExceeded"
    )


def test_nothing_reserved_is_a_full_stop() -> None:
    """Zero refuses the first call."""
    assert share_out([function(concurrency=0)], 10)["f"].has_room is False


def test_what_is_provisioned_is_set_aside() -> None:
    """From the function's reserved concurrency, or else from the account's."""
    functions = [
        function("a", concurrency=5),
        function("a", "1", concurrency=5, provisioned_concurrency=2),
        function("b", "1", provisioned_concurrency=3),
        function("c"),
    ]
    quotas = share_out(functions, 20)
    assert (quotas["a"].limit, quotas["b"].limit) == (3, 12)
    assert quotas["b"] is quotas["c"]


def test_all_that_is_reserved_is_provisioned() -> None:
    """Then $LATEST is throttled."""
    functions = [function(concurrency=2), function(version="1", concurrency=2, provisioned_concurrency=2)]
    assert reason_of(share_out(functions, 10)["f"]) == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_place_that_is_given_back_can_be_taken() -> None:
    """What is over makes room."""
    quota = Quota(1, "full")
    quota.take()
    assert quota.has_room is False
    quota.give_back()
    quota.take()


@pytest.mark.parametrize(
    ("functions", "account"),
    [
        ([function(concurrency=11)], 10),
        ([function("a", concurrency=6), function("b", "1", provisioned_concurrency=5)], 10),
        ([function("a", concurrency=10), function("b")], 10),
    ],
)
def test_more_than_the_account_has(functions: list[Function], account: int) -> None:
    """Is refused when it is declared, also where nothing would be left for a function that reserves nothing."""
    with pytest.raises(
        InvalidFunction, match=r"raise the account's concurrency \(--account-concurrency\), or set less"
    ):
        share_out(functions, account)


def test_an_alias_provisions_for_its_version() -> None:
    """On top of what the version has by itself."""
    functions = [function(), function(version="1", provisioned_concurrency=1), function(version="2")]
    alias = Alias(function_name="f", name="live", version="1", provisioned_concurrency=2)
    assert [one.provisioned_concurrency for one in provision(functions, [alias])] == [0, 3, 0]


def test_all_versions_have_what_is_reserved() -> None:
    """Whichever of them says so, and nobody else."""
    functions = with_reserved([function(concurrency=0), function(version="1"), function("g")])
    assert [one.concurrency for one in functions] == [0, 0, None]


def test_a_bucket_fills_as_time_passes() -> None:
    """So many at once, then one for each share of a second; a long wait saves up no more than it holds."""
    bucket = TokenBucket(2, 4)
    assert [bucket.take(1_000) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1_250), bucket.take(1_250), bucket.take(1_499), bucket.take(1_500)] == [
        True,
        False,
        False,
        True,
    ]
    assert [bucket.take(60_000) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("members", "calls", "reason"),
    [
        ({"concurrency": 2}, 20, "ReservedFunctionInvocationRateLimitExceeded"),
        ({}, 50, "FunctionInvocationRateLimitExceeded"),
    ],
)
def test_calls_a_second(members: dict[str, Any], calls: int, reason: str) -> None:
    """Ten times the concurrency, and those of the next second are welcome."""
    quota = share_out([function("f", **members)], 5, rate_limits=True)["f"]
    for _ in range(calls):
        quota.check_rate(0)
    with pytest.raises(TooManyRequests) as refused:
        quota.check_rate(0)
    assert refused.value.reason == reason
    quota.check_rate(1_000)


def test_rates_are_free_unless_limited() -> None:
    """A local server is not slower than it could be."""
    quota = share_out([function(concurrency=1)], 5)["f"]
    for _ in range(1_000):
        quota.check_rate(0)

from __future__ import annotations

import pytest

from runtime_api.protocol.destinations.configured import check_not_itself, configured
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.invalid_function import InvalidFunction

QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead"


def function(version: str = "$LATEST", on_success: str | None = None, on_failure: str | None = None) -> Function:
    """A function `orders` with destinations."""
    config = EventInvokeConfig(on_success=on_success, on_failure=on_failure)
    return Function(name="orders", task_root="/", handler="a.b", version=version, event_invoke=config)


def test_all_that_is_named_is_found() -> None:
    """Of functions, versions and aliases, each with the words a message needs."""
    functions = [
        Function(name="bill", task_root="/", handler="a.b", dead_letter_target=QUEUE),
        function(on_success="./a"),
        function("1", on_failure="./b"),
    ]
    alias = Alias(
        function_name="orders",
        name="live",
        version="1",
        event_invoke=EventInvokeConfig(on_success="./c", on_failure="./d"),
    )
    assert [str(one) for one in configured(functions, [alias])] == [
        f"function bill: dead_letter_target {QUEUE}",
        "function orders: on_success ./a",
        "function orders:1: on_failure ./b",
        "function orders:live: on_success ./c",
        "function orders:live: on_failure ./d",
    ]


@pytest.mark.parametrize("address", ["orders", "orders:live", "arn:aws:lambda:us-east-1:123456789012:function:orders"])
def test_a_function_cannot_be_its_own_destination(address: str) -> None:
    """By no name it has; the text is the service's."""
    [one] = configured([function(on_success=address)], [])
    with pytest.raises(InvalidFunction, match="You can't specify the function as a destination for itself"):
        check_not_itself(one)
    [other] = configured([function(on_success="bill")], [])
    check_not_itself(other)

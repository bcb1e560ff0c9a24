from __future__ import annotations

from collections import Counter
from itertools import cycle

import pytest

from runtime_api.dispatch.routes import Routes
from runtime_api.dispatch.target import Target
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.function_name import Account, parse_reference
from runtime_api.protocol.invoke.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    RecursiveInvocation,
    ResourceNotFound,
)
from runtime_api.protocol.invoke.lineage import CHAIN_LIMIT, count_in

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793"


def version(number: str = "$LATEST", **members: object) -> Function:
    """A version of f, or of `name`."""
    members = {"name": "f", **members}
    return Function(task_root="/srv", handler="app.handler", version=number, **members)  # type: ignore[arg-type]


def alias(name: str, number: str, **weights: float) -> Alias:
    """An alias of f; `v2=0.1` sends a tenth to version 2."""
    shares = {key.removeprefix("v"): weight for key, weight in weights.items()}
    return Alias(function_name="f", name=name, version=number, additional_weights=shares)


def routes(*aliases: Alias, at: float = 0.0) -> Routes:
    """Those to three versions of f and to its aliases, with one random number."""
    return Routes([version(), version("1"), version("2")], aliases, Account(), lambda: at)


def found(text: str, *aliases: Alias, at: float = 0.0) -> Target:
    """Where a name leads."""
    return routes(*aliases, at=at).find(parse_reference(text))


@pytest.mark.parametrize(
    ("text", "executed", "arn"),
    [
        ("f", "$LATEST", ARN),
        ("f:$LATEST", "$LATEST", f"{ARN}:$LATEST"),
        ("f:1", "1", f"{ARN}:1"),
        (f"{ARN}:2", "2", f"{ARN}:2"),
        ("123456789012:function:f:live", "1", f"{ARN}:live"),
    ],
)
def test_where_a_name_leads(text: str, executed: str, arn: str) -> None:
    """To one version; the ARN a function is told is qualified as its caller wrote it."""
    target = found(text, alias("live", "1"))
    assert (target.executed_version, target.invoked_arn) == (executed, arn)


def test_an_alias_is_told_of() -> None:
    """Its own settings may count."""
    live = alias("live", "1")
    assert (found("f:live", live).alias, found("f:1", live).alias) == (live, None)


@pytest.mark.parametrize(
    ("text", "arn"),
    [("g", f"{ARN[:-1]}g:$LATEST"), ("f:3", f"{ARN}:3"), ("f:dead", f"{ARN}:dead"), ("g:1", f"{ARN[:-1]}g:1")],
)
def test_what_is_not_there(text: str, arn: str) -> None:
    """404 with the ARN and its qualifier."""
    with pytest.raises(ResourceNotFound) as refused:
        found(text, alias("live", "1"))
    assert refused.value.body == b'{"Type":"User","Message":"Function not found: %b"}' % arn.encode()


def test_a_function_that_is_all_versions() -> None:
    """Without $LATEST a name needs its qualifier."""
    only = Routes([version("1")], [], Account(), lambda: 0.0)
    assert only.find(parse_reference("f:1")).executed_version == "1"
    with pytest.raises(ResourceNotFound):
        only.find(parse_reference("f"))


@pytest.mark.parametrize(("at", "executed"), [(0.0, "2"), (0.0999, "2"), (0.1, "1"), (0.9999, "1")])
def test_an_alias_shares_calls(at: float, executed: str) -> None:
    """The weight is the share of the other version; the ARN stays the alias'."""
    target = found("f:live", alias("live", "1", v2=0.1), at=at)
    assert (target.executed_version, target.invoked_arn) == (executed, f"{ARN}:live")


def test_each_call_is_shared_anew() -> None:
    """As the random numbers say."""
    numbers = cycle(number / 100 for number in range(100))
    shared = Routes(
        [version("1"), version("2"), version("3")],
        [alias("live", "1", v2=0.25, v3=0.05)],
        Account(),
        lambda: next(numbers),
    )
    met = Counter(shared.find(parse_reference("f:live")).executed_version for _ in range(200))
    assert met == {"1": 140, "2": 50, "3": 10}


@pytest.mark.parametrize(("weight", "executed"), [(1.0, "2"), (0.0, "1")])
def test_all_or_nothing(weight: float, executed: str) -> None:
    """A share may be all of the calls, or none."""
    for at in (0.0, 0.9999999):
        assert found("f:live", alias("live", "1", v2=weight), at=at).executed_version == executed


def test_an_alias_of_nothing() -> None:
    """Is refused when it is declared."""
    with pytest.raises(InvalidFunction, match="version 3"):
        routes(alias("live", "3"))


def test_a_target_makes_invocations() -> None:
    """Everything the sandbox needs to know is in them."""
    made = found("f:live", alias("live", "1")).invocation(
        b' {"a": 1}', "id", TRACE, client_context='{"b":2}', wants_log_tail=True, wants_stream=True
    )
    assert (made.request_id, made.payload, made.invoked_arn, made.version) == ("id", b' {"a": 1}', f"{ARN}:live", "1")
    assert made.trace_id == count_in(TRACE, found("f").lineage_id)
    assert (made.client_context, made.tenant_id, made.wants_log_tail, made.wants_stream) == (
        '{"b":2}',
        None,
        True,
        True,
    )


def test_what_a_target_refuses() -> None:
    """What is no JSON, a tenant that fits nowhere, and one call too many in a chain; all versions are one function there."""
    target = found("f")
    with pytest.raises(InvalidRequestContent):
        target.invocation(b"{", "id", TRACE)
    with pytest.raises(InvalidParameterValue):
        target.invocation(b"", "id", TRACE, tenant_id="blue")
    looped = f"{TRACE};Lineage=1:{found('f:1').lineage_id}:{CHAIN_LIMIT - 1}"
    with pytest.raises(RecursiveInvocation):
        target.invocation(b"", "id", looped)


def test_a_function_may_call_itself_where_it_is_allowed_to() -> None:
    """Its own setting says so."""
    free = Routes([version(recursive_loop="Allow")], [], Account(), lambda: 0.0).find(parse_reference("f"))
    looped = f"{TRACE};Lineage=1:{free.lineage_id}:{CHAIN_LIMIT - 1}"
    assert free.invocation(b"", "id", looped).trace_id.endswith(f":{CHAIN_LIMIT}")

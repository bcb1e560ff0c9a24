from __future__ import annotations

import pytest

from runtime_api.protocol.invoke.errors import RecursiveInvocation
from runtime_api.protocol.invoke.lineage import CHAIN_LIMIT, count_in, lineage_id

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
OWN = "e547cb94"


@pytest.mark.parametrize(
    ("came", "goes_on"),
    [
        ("", ";Lineage=1:e547cb94:0"),
        (";Lineage=1:e547cb94:0", ";Lineage=1:e547cb94:1"),
        (";Lineage=1:e547cb94:14", ";Lineage=1:e547cb94:15"),
        (";Lineage=e547cb94:3|85aab102:7", ";Lineage=e547cb94:4|85aab102:7"),
        (";Lineage=85aab102:15", ";Lineage=85aab102:15|e547cb94:0"),
        (";Lineage=1:85aab102:7|e547cb94:9;Self=x", ";Lineage=1:85aab102:7|e547cb94:10;Self=x"),
        (";Lineage=", ";Lineage=1:e547cb94:0"),
        (";Lineage=nonsense", ";Lineage=nonsense|e547cb94:0"),
        (";Lineage=ae547cb94:3", ";Lineage=ae547cb94:3|e547cb94:0"),
    ],
)
def test_a_function_counts_itself(came: str, goes_on: str) -> None:
    """Its own entry goes up, or begins at 0; what others wrote stays."""
    assert count_in(TRACE + came, OWN) == TRACE + goes_on


def test_a_chain_ends() -> None:
    """Sixteen invocations run, and the next is stopped."""
    trace = TRACE
    for _ in range(CHAIN_LIMIT):
        trace = count_in(trace, OWN)
    with pytest.raises(RecursiveInvocation) as refused:
        count_in(trace, OWN)
    assert (refused.value.status, refused.value.exception) == (400, "RecursiveInvocationException")
    assert refused.value.body.startswith(b'{"Type":"User","Message":"The function was invoked 16 times in one chain')


def test_others_do_not_end_with_it() -> None:
    """A function is stopped for its own count only."""
    trace = TRACE
    for _ in range(CHAIN_LIMIT):
        trace = count_in(trace, "85aab102")
    assert count_in(trace, OWN) == f"{TRACE};Lineage=1:85aab102:15|{OWN}:0"


def test_a_loop_that_is_meant() -> None:
    """Is counted, and goes on."""
    assert count_in(f"{TRACE};Lineage=1:{OWN}:99", OWN, is_loop_allowed=True) == f"{TRACE};Lineage=1:{OWN}:100"


def test_the_id_of_a_function() -> None:
    """Eight digits, the same every time, and another for another function."""
    one, two = (lineage_id(f"arn:aws:lambda:us-east-1:123456789012:function:{name}") for name in ("one", "two"))
    assert one == lineage_id("arn:aws:lambda:us-east-1:123456789012:function:one")
    assert len(one) == len(two) == 8
    assert one != two

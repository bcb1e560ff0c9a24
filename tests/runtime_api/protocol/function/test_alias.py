from __future__ import annotations

from typing import Any

import pytest

from runtime_api.protocol.function.alias import Alias, check_alias, check_reserved_concurrency, check_together
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.url_config import UrlConfig


def function(version: str = "$LATEST", **members: object) -> Function:
    """A version of the function `f`."""
    plain: dict[str, Any] = {"name": "f", "task_root": "/srv/f", "handler": "app.handler", "version": version}
    return Function(**{**plain, **members})


def alias(**members: object) -> Alias:
    """An alias of version 1 of `f`."""
    plain: dict[str, Any] = {"function_name": "f", "name": "live", "version": "1"}
    return Alias(**{**plain, **members})


@pytest.mark.parametrize("name", ["live", "v1", "1a", "A-b_9", "x" * 128])
def test_names_that_are_allowed(name: str) -> None:
    """Letters, digits, hyphens and underscores, up to 128."""
    assert alias(name=name).name == name


@pytest.mark.parametrize("name", ["", "1", "42", "x" * 129, "a b", "a.b", "$LATEST"])
def test_names_that_are_not(name: str) -> None:
    """Digits alone would be a version."""
    with pytest.raises(InvalidFunction, match="not digits alone") as refused:
        alias(name=name)
    assert refused.value.member == "name"


@pytest.mark.parametrize(
    ("members", "message", "member"),
    [
        ({"version": "one"}, "version 'one': use $LATEST, or a number from 1 on", "version"),
        ({"version": "0"}, "version '0': use $LATEST, or a number from 1 on", "version"),
        (
            {"additional_weights": {"2": 1.5}},
            "alias live: the weight 1.5 of version 2 must be between 0 and 1",
            "additional_weights",
        ),
        (
            {"additional_weights": {"2": 0.75, "3": 0.5}},
            "alias live: the weights add up to 1.25, more than 1",
            "additional_weights",
        ),
        (
            {"additional_weights": {"$LATEST": 0.5}},
            "alias live: $LATEST cannot share calls with other versions",
            "additional_weights",
        ),
        (
            {"additional_weights": {"1": 0.5}},
            "alias live: version 1 has the rest of the calls, leave its weight out",
            "additional_weights",
        ),
        (
            {"provisioned_concurrency": -1},
            "provisioned concurrency -1: it cannot be negative",
            "provisioned_concurrency",
        ),
        (
            {"version": "$LATEST", "provisioned_concurrency": 1},
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
            "provisioned_concurrency",
        ),
    ],
)
def test_what_is_refused(members: dict[str, Any], message: str, member: str) -> None:
    """By itself, and with the member that is wrong."""
    with pytest.raises(InvalidFunction) as refused:
        alias(**members)
    assert (str(refused.value), refused.value.member) == (message, member)


def test_an_alias_names_versions_that_are_there() -> None:
    """Its own, and those of its weights."""
    versions = {"$LATEST": function(), "1": function("1")}
    check_alias(alias(), versions)
    with pytest.raises(InvalidFunction, match=r"function f has no version 2 \(there: \$LATEST, 1\)"):
        check_alias(alias(version="2"), versions)
    with pytest.raises(InvalidFunction, match="function f has no version 3"):
        check_alias(alias(additional_weights={"3": 0.5}), versions)


@pytest.mark.parametrize(
    ("of_version", "of_alias", "message"),
    [
        ({"tenant_isolation": True}, {"url": UrlConfig()}, "alias live: tenant isolation and a URL do not go together"),
        (
            {"tenant_isolation": True},
            {"provisioned_concurrency": 1},
            "tenant isolation and provisioned concurrency do not go together",
        ),
        (
            {"init_type": "snap-start"},
            {"provisioned_concurrency": 1},
            "init type snap-start and provisioned concurrency do not go together",
        ),
    ],
)
def test_what_its_version_does_not_allow(of_version: dict[str, Any], of_alias: dict[str, Any], message: str) -> None:
    """The same that the version itself could not have."""
    with pytest.raises(InvalidFunction, match=message):
        check_alias(alias(**of_alias), {"1": function("1", **of_version)})


def test_reserved_concurrency_covers_what_is_provisioned() -> None:
    """Of all versions and aliases together; without a reservation there is nothing to cover it."""
    provisioned = alias(provisioned_concurrency=2)
    check_reserved_concurrency([function(concurrency=2)], [provisioned])
    check_reserved_concurrency([function()], [provisioned])
    with pytest.raises(InvalidFunction, match=r"ReservedConcurrentExecutions 2 should not be lower .* \[3\]\."):
        check_reserved_concurrency(
            [function(concurrency=2), function("1", concurrency=2, provisioned_concurrency=1)], [provisioned]
        )


def test_all_together() -> None:
    """Versions share a name; the same version twice, an alias twice and an alias of nothing are refused."""
    versions = [function(), function("1")]
    check_together(versions, [alias()])
    with pytest.raises(InvalidFunction, match="two functions are called 'f'"):
        check_together([function(), function()], [])
    with pytest.raises(InvalidFunction, match="two functions are called 'f:1'"):
        check_together([*versions, function("1")], [])
    with pytest.raises(InvalidFunction, match="function f has two aliases 'live'"):
        check_together(versions, [alias(), alias()])
    with pytest.raises(InvalidFunction, match=r"function g has no version 1 \(there: none\)"):
        check_together(versions, [alias(function_name="g")])

"""A name for a version of a function, which callers use as its qualifier; and whether functions and aliases fit together.

Source: the Developer Guide's pages configuration-aliases and configuring-alias-routing; texts as the service answers them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function, InvalidFunction, check_version
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.names import VERSION_LATEST

_NAME = re.compile(r"(?![0-9]+$)[a-zA-Z0-9-_]{1,128}")
_UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """An alias. `additional_weights` says which share of calls (0 to 1) goes to other versions; the rest goes to `version`.

    Raises InvalidFunction.
    """

    function_name: str
    name: str
    version: str
    additional_weights: dict[str, float] = {}
    provisioned_concurrency: int = 0
    url: UrlConfig | None = None
    event_invoke: EventInvokeConfig | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidFunction(
                f"alias {self.name!r}: use 1 to 128 letters, digits, '-' and '_', and not digits alone", "name"
            )
        check_version(self.version)
        self._check_weights()
        if self.provisioned_concurrency < 0:
            raise InvalidFunction(
                f"provisioned concurrency {self.provisioned_concurrency}: it cannot be negative",
                "provisioned_concurrency",
            )
        if self.provisioned_concurrency and self.version == VERSION_LATEST:
            raise InvalidFunction(_UNPUBLISHED, "provisioned_concurrency")

    def _check_weights(self) -> None:
        for version, weight in self.additional_weights.items():
            check_version(version, "additional_weights")
            if not 0 <= weight <= 1:
                raise InvalidFunction(
                    f"alias {self.name}: the weight {weight} of version {version} must be between 0 and 1",
                    "additional_weights",
                )
        total = sum(self.additional_weights.values())
        if total > 1:
            raise InvalidFunction(
                f"alias {self.name}: the weights add up to {total}, more than 1", "additional_weights"
            )
        if self.additional_weights and VERSION_LATEST in (self.version, *self.additional_weights):
            raise InvalidFunction(
                f"alias {self.name}: $LATEST cannot share calls with other versions", "additional_weights"
            )
        if self.version in self.additional_weights:
            raise InvalidFunction(
                f"alias {self.name}: version {self.version} has the rest of the calls, leave its weight out",
                "additional_weights",
            )


def check_alias(alias: Alias, versions: Mapping[str, Function]) -> None:
    """Refuse an alias that does not fit the versions of its function, by their names; raises InvalidFunction."""
    for version, member in (
        (alias.version, "version"),
        *((other, "additional_weights") for other in alias.additional_weights),
    ):
        if version not in versions:
            there = ", ".join(versions) or "none"
            raise InvalidFunction(
                f"alias {alias.name}: function {alias.function_name} has no version {version} (there: {there})", member
            )
    function = versions[alias.version]
    if alias.url is not None and function.tenant_isolation:
        raise InvalidFunction(f"alias {alias.name}: tenant isolation and a URL do not go together", "url")
    if alias.provisioned_concurrency:
        # As if it were given to the version itself: the same things cannot be had together with it.
        msgspec.structs.replace(function, provisioned_concurrency=alias.provisioned_concurrency)


def check_reserved_concurrency(versions: Iterable[Function], aliases: Iterable[Alias]) -> None:
    """Refuse less reserved concurrency than a function's versions and aliases have provisioned; raises InvalidFunction."""
    versions = list(versions)
    reserved = next((function.concurrency for function in versions if function.concurrency is not None), None)
    provisioned = sum(function.provisioned_concurrency for function in versions)
    provisioned += sum(alias.provisioned_concurrency for alias in aliases)
    if reserved is not None and reserved < provisioned:
        raise InvalidFunction(
            f"ReservedConcurrentExecutions {reserved} should not be lower than function's total provisioned concurrency "
            f"[{provisioned}].",
            "concurrency",
        )


def check_together(functions: Sequence[Function], aliases: Sequence[Alias]) -> None:
    """Refuse functions and aliases that do not fit together, whoever declared them; raises InvalidFunction."""
    served: dict[str, dict[str, Function]] = {}
    for function in functions:
        versions = served.setdefault(function.name, {})
        if function.version in versions:
            which = function.name if function.version == VERSION_LATEST else f"{function.name}:{function.version}"
            raise InvalidFunction(f"two functions are called {which!r}: rename one", "name")
        versions[function.version] = function
    named: set[tuple[str, str]] = set()
    for alias in aliases:
        if (alias.function_name, alias.name) in named:
            raise InvalidFunction(f"function {alias.function_name} has two aliases {alias.name!r}: rename one", "name")
        named.add((alias.function_name, alias.name))
        check_alias(alias, served.get(alias.function_name, {}))
    for name, versions in served.items():
        check_reserved_concurrency(versions.values(), [alias for alias in aliases if alias.function_name == name])

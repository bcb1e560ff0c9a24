"""From a function's name and qualifier to the version that runs.

Strategy: whatever can be asked for is worked out once: each name without qualifier, each version, each alias. Only an alias that
shares calls among versions leaves something to choose, by a random number at each call.
Source: the Developer Guide's pages configuration-versions and configuring-alias-routing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

from runtime_api.dispatch.target import Target
from runtime_api.protocol.function.alias import Alias, check_together
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account, FunctionReference
from runtime_api.protocol.invoke.errors import ResourceNotFound
from runtime_api.protocol.invoke.lineage import lineage_id
from runtime_api.protocol.metrics import Metrics
from runtime_api.protocol.names import VERSION_LATEST

_Address = tuple[str, str | None]
# Each target with the sum of the shares up to it.
_Choice = list[tuple[float, Target]]


class Routes:
    """Those to every version and alias; raises InvalidFunction where they do not fit together.

    `random` gives numbers from 0 to below 1; targets count in `metrics`.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        aliases: Iterable[Alias],
        account: Account,
        random: Callable[[], float],
        metrics: Metrics | None = None,
    ) -> None:
        self._account = account
        self._random = random
        self._metrics = metrics or Metrics()
        self._targets: dict[_Address, Target] = {}
        self._choices: dict[_Address, _Choice] = {}
        functions, aliases = list(functions), list(aliases)
        check_together(functions, aliases)
        for function in functions:
            self._add_version(function)
        for alias in aliases:
            self._add_alias(alias)

    def find(self, reference: FunctionReference) -> Target:
        """The target of a name, chosen by its alias where that shares calls; raises ResourceNotFound."""
        address = (reference.name, reference.qualifier)
        target = self._targets.get(address)
        if target is not None:
            return target
        choice = self._choices.get(address)
        if choice is None:
            arn = self._account.function_arn(reference.name, reference.qualifier or VERSION_LATEST)
            raise ResourceNotFound(f"Function not found: {arn}")
        chosen = self._random()
        return next((target for up_to, target in choice if chosen < up_to), choice[-1][1])

    def _add_version(self, function: Function) -> None:
        name, version = function.name, function.version
        self._targets[name, version] = self._target(function, version)
        if version == VERSION_LATEST:
            self._targets[name, None] = self._target(function, None)

    def _add_alias(self, alias: Alias) -> None:
        address = (alias.function_name, alias.name)
        others = alias.additional_weights
        versions = [self._targets[alias.function_name, version].function for version in (*others, alias.version)]
        targets = [self._target(function, alias.name, alias) for function in versions]
        if others:
            shares = accumulate((*others.values(), 1.0 - sum(others.values())))
            self._choices[address] = list(zip(shares, targets, strict=True))
        else:
            self._targets[address] = targets[0]

    def _target(self, function: Function, qualifier: str | None, alias: Alias | None = None) -> Target:
        arn = self._account.function_arn(function.name)
        return Target(
            function=function,
            invoked_arn=self._account.function_arn(function.name, qualifier),
            lineage_id=lineage_id(arn),
            qualifier=qualifier,
            alias=alias,
            tally=self._metrics.of(function),
        )

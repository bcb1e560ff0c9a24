"""Every destination and dead-letter target that functions and aliases name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from runtime_api.protocol.destinations.targets import FunctionTarget, Target, parse_target
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.invalid_function import InvalidFunction
from runtime_api.protocol.names import VERSION_LATEST

# As the service says it.
NOT_ITSELF = "You can't specify the function as a destination for itself."


class Configured(msgspec.Struct, frozen=True):
    """One of them: `owner` is the function, version or alias that names it, by its member `member`."""

    owner: str
    function_name: str
    member: str
    address: str

    @property
    def target(self) -> Target:
        """What it names; raises InvalidFunction."""
        return parse_target(self.address)

    def __str__(self) -> str:
        return f"function {self.owner}: {self.member} {self.address}"


def configured(functions: Iterable[Function], aliases: Iterable[Alias]) -> Iterator[Configured]:
    """All of them, in the order given."""
    for function in functions:
        name = function.name
        owner = name if function.version == VERSION_LATEST else f"{name}:{function.version}"
        yield from _of_config(owner, name, function.event_invoke)
        if function.dead_letter_target:
            yield Configured(owner, name, "dead_letter_target", function.dead_letter_target)
    for alias in aliases:
        yield from _of_config(f"{alias.function_name}:{alias.name}", alias.function_name, alias.event_invoke)


def check_not_itself(one: Configured) -> None:
    """Refuse a function that would be invoked with its own results; raises InvalidFunction, in the service's words."""
    target = one.target
    if isinstance(target, FunctionTarget) and target.reference.name == one.function_name:
        raise InvalidFunction(f"{one}: {NOT_ITSELF}", one.member)


def _of_config(owner: str, function_name: str, config: EventInvokeConfig | None) -> Iterator[Configured]:
    if config is not None and config.on_success:
        yield Configured(owner, function_name, "on_success", config.on_success)
    if config is not None and config.on_failure:
        yield Configured(owner, function_name, "on_failure", config.on_failure)

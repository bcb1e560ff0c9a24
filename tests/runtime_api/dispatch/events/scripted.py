"""A dispatcher that answers as it is told, and somebody who notes what is delivered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.deliverer import DeliveryFailed
from runtime_api.protocol.asynchronous.event import Delivery, FinishedEvent
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Invocation, Outcome, OutcomeKind
from runtime_api.protocol.invoke.errors import TooManyRequests

GOOD = Outcome(OutcomeKind.SUCCESS, b'"done"')
BAD = Outcome(OutcomeKind.ERROR, b'{"errorMessage":"no","errorType":"ValueError"}')
THROTTLE = TooManyRequests("ConcurrentInvocationLimitExceeded")

Answer = Outcome | Exception
Script = Callable[[Function, Invocation], Awaitable[Answer]]


class ScriptedDispatcher(Dispatcher):
    """Finds as the real one does, and invokes by `script`; `calls` has what was invoked."""

    def __init__(self, functions: Iterable[Function], aliases: Iterable[Alias] = ()) -> None:
        super().__init__(functions, Account(), aliases=aliases)
        self.calls: list[Invocation] = []
        self.answers: list[Answer] = []
        self.script: Script = self._next_answer

    async def invoke(self, function: Function, invocation: Invocation) -> Outcome:
        self.calls.append(invocation)
        answer = await self.script(function, invocation)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _next_answer(self, _function: Function, _invocation: Invocation) -> Answer:
        return self.answers.pop(0) if self.answers else GOOD


class NotingDeliverer:
    """Implements `Deliverer`; `failures` are how often each address is out of order yet."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, FinishedEvent]] = []
        self.failures: dict[str, int] = {}

    async def deliver(self, finished: FinishedEvent, delivery: Delivery) -> None:
        if self.failures.get(delivery.address, 0):
            self.failures[delivery.address] -= 1
            raise DeliveryFailed(f"{delivery.address} is out of order")
        self.delivered.append((delivery.address, finished))

    async def close(self) -> None:
        """Nothing to close."""

"""The Runtime API of a sandbox that takes several invocations at once.

Strategy: each poll takes one invocation, the one that came first the first poll; an answer belongs to the invocation its path names, in
whatever order answers come. The runtime itself is Started, and then Ready for good: what may be answered is for each invocation. One
that is given up is remembered, so that its late answer can be told from nonsense: it gets a 410 once, and runtimes go on after that. An
error posted while its answer streams ends the stream. A body that is too large for what it is has not been posted.
Source: the Developer Guide's lambda-managed-instances pages; statuses are those of AWS's open-source emulator.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from runtime_api.http_connection import Connection, Receiver, Request
from runtime_api.protocol.invocation import Invocation, Outcome
from runtime_api.protocol.limits import MANAGED_BODY_LIMIT_BYTES
from runtime_api.protocol.runtime.errors import (
    InvalidRequestId,
    InvokeTimeout,
    RequestEntityTooLarge,
    RuntimeApiError,
)
from runtime_api.protocol.runtime.messages import ACCEPTED
from runtime_api.protocol.runtime.states import RuntimeCall, transition
from runtime_api.sandbox.endpoint.answers import check_attempt, check_form, event_headers, is_for_attempt, outcome_of
from runtime_api.sandbox.endpoint.runtime_endpoint import Owner, RuntimeEndpoint

# How many late answers are still known.
GIVEN_UP_LIMIT = 1_000


class _Attempt(msgspec.Struct, eq=False):
    """One invocation a worker has."""

    invocation_id: str
    wants_stream: bool
    is_streaming: bool = False


class ManagedEndpoint(RuntimeEndpoint):
    """The Runtime API on a port of its own, for many polls; its owner hears of each one."""

    def __init__(
        self,
        owner: Owner,
        others: dict[str, Callable[[Request, Connection], None]],
        lost: Callable[[Connection], None],
        now_ms: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(owner, others, lost, now_ms=now_ms)
        self._at_work: dict[str, _Attempt] = {}
        self._given_up: dict[str, None] = {}

    @property
    def free(self) -> int:
        """How many polls wait."""
        return len(self._polls)

    def retire(self) -> None:
        """The sandbox is about to end: no answer counts any more, and who asks for an event waits for one in vain."""
        super().retire()
        self._at_work.clear()

    def hand_over(self, invocation: Invocation, deadline_ms: int) -> None:
        """Give it to the poll that waits longest, and there is one; `deadline_ms` is in epoch milliseconds."""
        poll = self._polls.pop(0)
        invocation_id = self._new_invocation_id()
        self._at_work[invocation.request_id] = _Attempt(invocation_id, invocation.wants_stream)
        poll.answer(200, invocation.payload, event_headers(invocation, deadline_ms, invocation_id))

    def give_up(self, request_id: str) -> None:
        """Nobody waits for this invocation's answer any more."""
        del self._at_work[request_id]
        self._given_up[request_id] = None
        if len(self._given_up) > GIVEN_UP_LIMIT:
            del self._given_up[next(iter(self._given_up))]

    def _route(self, request: Request, connection: Connection) -> None:
        if len(request.body) > MANAGED_BODY_LIMIT_BYTES and not request.path.partition("?")[0].endswith("/response"):
            raise RequestEntityTooLarge(MANAGED_BODY_LIMIT_BYTES)
        super()._route(request, connection)

    def _next(self, connection: Connection) -> None:
        self.state = transition(self.state, RuntimeCall.NEXT)
        self._polls.append(connection)
        if not self._retired:
            self._owner.runtime_ready()

    def _answer(self, request_id: str, call: RuntimeCall, request: Request, connection: Connection) -> None:
        attempt = self._at_work.get(request_id)
        if attempt is None:
            raise self._refusal(request_id)
        check_attempt(request, attempt.invocation_id)
        check_form(call, request)
        if attempt.is_streaming and call is RuntimeCall.RESPONSE:
            raise InvalidRequestId
        del self._at_work[request_id]
        self._owner.runtime_answered(request_id, outcome_of(call, request), request.began_ms)
        if request.too_large:
            raise RequestEntityTooLarge
        connection.answer(202, ACCEPTED)

    def _refusal(self, request_id: str) -> RuntimeApiError:
        if request_id not in self._given_up:
            return InvalidRequestId()
        del self._given_up[request_id]
        return InvokeTimeout()

    def _begin_stream(self, request_id: str, request: Request, connection: Connection) -> Receiver | None:
        attempt = self._at_work.get(request_id)
        if attempt is None or not attempt.wants_stream or attempt.is_streaming:
            return None
        if not is_for_attempt(request, attempt.invocation_id):
            return None
        attempt.is_streaming = True
        return self._stream(request_id, request, connection, partial(self._end_attempt, attempt))

    def _end_attempt(self, attempt: _Attempt, request_id: str, outcome: Outcome, began_ms: float | None) -> None:
        if self._at_work.get(request_id) is not attempt:
            raise self._refusal(request_id)
        del self._at_work[request_id]
        self._owner.runtime_answered(request_id, outcome, began_ms)

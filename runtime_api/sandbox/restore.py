"""The Restore phase: a SnapStart sandbox is made from its snapshot, right before its first invocation.

Strategy: there is no snapshot here, only a runtime that waits where one would be taken: in `restore/next`, or in `next` when it knows
nothing of restores. Letting it go on is the restore; the phase lasts until it asks for its event, ten seconds at most.
Source: the Developer Guide's pages lambda-runtime-environment and snapstart.
"""

from __future__ import annotations

from collections.abc import Callable

from runtime_api.protocol.clock import Clock, Timer
from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.protocol.invoke.errors import InvokeError, SnapStartFailed, SnapStartTimeout
from runtime_api.protocol.limits import RESTORE_LIMIT_MS
from runtime_api.protocol.runtime.states import RuntimeState
from runtime_api.sandbox.endpoint.runtime_endpoint import RuntimeEndpoint
from runtime_api.sandbox.telling.chronicle import Chronicle


class Restore:
    """That of one sandbox, once it `is_due`. `refusal` is what the caller who waited for it gets when it failed."""

    def __init__(self, clock: Clock, chronicle: Chronicle) -> None:
        self.is_due = True
        self.refusal: InvokeError | None = None
        self._clock = clock
        self._chronicle = chronicle
        self._timer: Timer | None = None

    def begin(self, endpoint: RuntimeEndpoint, on_timeout: Callable[[], object]) -> bool:
        """Let the runtime go on; False when there is nothing to wait for, because it asked for its event already."""
        self.is_due = False
        self._timer = self._clock.call_later(RESTORE_LIMIT_MS, on_timeout)
        self._chronicle.restore_started()
        if endpoint.state is not RuntimeState.RESTORE_READY:
            return False
        endpoint.restore()
        return True

    def succeed(self) -> None:
        """The runtime is ready for its event."""
        self._call_off_timer()
        self._chronicle.restore_over(OutcomeKind.SUCCESS)

    def fail(self, outcome: Outcome) -> None:
        """The runtime ended, reported an error, or took too long."""
        self._call_off_timer()
        if outcome.kind is OutcomeKind.TIMEOUT:
            self.refusal = SnapStartTimeout()
            self._chronicle.restore_over(OutcomeKind.TIMEOUT)
        else:
            self.refusal = SnapStartFailed()
            self._chronicle.restore_over(OutcomeKind.ERROR, outcome.error_type)

    def _call_off_timer(self) -> None:
        assert self._timer is not None
        self._timer.cancel()

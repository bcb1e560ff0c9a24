"""The runtime's state machine, whole: which Runtime API call is legal in which state, and where it leads.

Strategy: `TRANSITIONS[state][call]` is the next state; a cell that is absent is the 403 the caller of the API gets. Nothing else
decides legality. A call that waits has two steps: `next` the call itself, and later DISPATCH, when an event is handed over;
`restore/next` the call, and RESTORE, when the sandbox is made from its snapshot. An answer has two as well: the call, and SENT, when it
is with the caller. An init error while restoring is a restore error. Names are those the service prints.

Source: the Developer Guide's runtimes-api page, and the texts AWS's open-source emulator prints.
"""

from __future__ import annotations

from enum import Enum

from runtime_api.protocol.runtime.errors import InvalidStateTransition


class RuntimeState(Enum):
    """Where the runtime of a sandbox stands; the value is the name printed in a refusal."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    INVOCATION_RESPONSE = "InvocationResponse"
    INVOCATION_ERROR_RESPONSE = "InvocationErrorResponse"
    RESPONSE_SENT = "RuntimeResponseSentState"
    RESTORE_READY = "RestoreReady"
    RESTORING = "Restoring"
    RESTORE_ERROR = "RuntimeRestoreErrorState"

    # Members are singletons; Enum would hash their names, in Python, at every look-up.
    __hash__ = object.__hash__


class RuntimeCall(Enum):
    """What moves the machine; the value is the state a refusal says the call aimed at."""

    NEXT = "Ready"
    INIT_ERROR = "InitError"
    RESPONSE = "InvocationResponse"
    ERROR = "InvocationErrorResponse"
    DISPATCH = "Running"
    SENT = "RuntimeResponseSentState"
    RESTORE_NEXT = "RestoreReady"
    RESTORE = "Restoring"
    RESTORE_ERROR = "RuntimeRestoreErrorState"

    __hash__ = object.__hash__


TRANSITIONS: dict[RuntimeState, dict[RuntimeCall, RuntimeState]] = {
    RuntimeState.STARTED: {
        RuntimeCall.NEXT: RuntimeState.READY,
        RuntimeCall.INIT_ERROR: RuntimeState.INIT_ERROR,
        RuntimeCall.RESTORE_NEXT: RuntimeState.RESTORE_READY,
    },
    RuntimeState.INIT_ERROR: {},
    RuntimeState.READY: {
        RuntimeCall.NEXT: RuntimeState.READY,
        RuntimeCall.DISPATCH: RuntimeState.RUNNING,
    },
    RuntimeState.RUNNING: {
        # A second poll gets the same event again.
        RuntimeCall.NEXT: RuntimeState.RUNNING,
        RuntimeCall.RESPONSE: RuntimeState.INVOCATION_RESPONSE,
        RuntimeCall.ERROR: RuntimeState.INVOCATION_ERROR_RESPONSE,
    },
    RuntimeState.INVOCATION_RESPONSE: {RuntimeCall.SENT: RuntimeState.RESPONSE_SENT},
    RuntimeState.INVOCATION_ERROR_RESPONSE: {RuntimeCall.SENT: RuntimeState.RESPONSE_SENT},
    RuntimeState.RESPONSE_SENT: {RuntimeCall.NEXT: RuntimeState.READY},
    RuntimeState.RESTORE_READY: {RuntimeCall.RESTORE: RuntimeState.RESTORING},
    RuntimeState.RESTORING: {
        RuntimeCall.NEXT: RuntimeState.READY,
        RuntimeCall.INIT_ERROR: RuntimeState.RESTORE_ERROR,
        RuntimeCall.RESTORE_ERROR: RuntimeState.RESTORE_ERROR,
    },
    RuntimeState.RESTORE_ERROR: {},
}


def transition(state: RuntimeState, call: RuntimeCall) -> RuntimeState:
    """The state after `call`; raises InvalidStateTransition (403), and then nothing has changed."""
    try:
        return TRANSITIONS[state][call]
    except KeyError:
        raise InvalidStateTransition(state.value, call.value) from None

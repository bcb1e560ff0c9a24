"""The runtime's state machine, whole: which Runtime API call is legal in which state, and where it leads.

Strategy: `TRANSITIONS[state][call]` is the next state; a cell that is absent is the 403 the caller of the API gets. Nothing else
decides legality. A call that waits (`next`) has two steps: the call itself, and later DISPATCH, when an event is handed over; an
answer has two as well: the call, and SENT, when it is with the caller. Names are those the service prints.

Source: the Developer Guide's runtimes-api page, and the texts AWS's open-source emulator prints.
"""

from __future__ import annotations

from enum import Enum

from runtime_api.protocol.runtime_errors import InvalidStateTransition


class RuntimeState(Enum):
    """Where the runtime of a sandbox stands; the value is the name printed in a refusal."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    INVOCATION_RESPONSE = "InvocationResponse"
    INVOCATION_ERROR_RESPONSE = "InvocationErrorResponse"
    RESPONSE_SENT = "RuntimeResponseSentState"

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

    __hash__ = object.__hash__


TRANSITIONS: dict[RuntimeState, dict[RuntimeCall, RuntimeState]] = {
    RuntimeState.STARTED: {
        RuntimeCall.NEXT: RuntimeState.READY,
        RuntimeCall.INIT_ERROR: RuntimeState.INIT_ERROR,
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
}


def transition(state: RuntimeState, call: RuntimeCall) -> RuntimeState:
    """The state after `call`; raises InvalidStateTransition (403), and then nothing has changed."""
    try:
        return TRANSITIONS[state][call]
    except KeyError:
        raise InvalidStateTransition(state.value, call.value) from None

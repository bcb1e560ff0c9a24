"""An extension's state machine, whole: which Extensions API call is legal in which state, and where it leads.

Strategy: as in `runtime_states`, an absent cell is the 403. REGISTER and NEXT are calls, DISPATCH is an event handed over to a
parked NEXT. An error reported again in the state it led to changes nothing. LAUNCH_ERROR and EXITED are where the fate of its
process puts an extension, from any state. Names are those the service prints.

Source: the Developer Guide's runtimes-extensions-api page, and the texts AWS's open-source emulator prints.
"""

from __future__ import annotations

from enum import Enum

from runtime_api.protocol.extension.errors import InvalidExtensionState


class ExtensionState(Enum):
    """Where an extension stands; the value is the name telemetry and refusals print."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    LAUNCH_ERROR = "LaunchError"
    EXITED = "Exited"

    __hash__ = object.__hash__


class ExtensionCall(Enum):
    """What moves the machine; the value is the state a refusal says the call aimed at."""

    REGISTER = "Registered"
    NEXT = "Ready"
    DISPATCH = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"

    __hash__ = object.__hash__


TRANSITIONS: dict[ExtensionState, dict[ExtensionCall, ExtensionState]] = {
    ExtensionState.STARTED: {ExtensionCall.REGISTER: ExtensionState.REGISTERED},
    ExtensionState.REGISTERED: {
        ExtensionCall.NEXT: ExtensionState.READY,
        ExtensionCall.INIT_ERROR: ExtensionState.INIT_ERROR,
        ExtensionCall.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.READY: {
        ExtensionCall.DISPATCH: ExtensionState.RUNNING,
        ExtensionCall.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.RUNNING: {
        ExtensionCall.NEXT: ExtensionState.READY,
        ExtensionCall.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.INIT_ERROR: {ExtensionCall.INIT_ERROR: ExtensionState.INIT_ERROR},
    ExtensionState.EXIT_ERROR: {ExtensionCall.EXIT_ERROR: ExtensionState.EXIT_ERROR},
    ExtensionState.LAUNCH_ERROR: {},
    ExtensionState.EXITED: {},
}


def transition(name: str, state: ExtensionState, call: ExtensionCall) -> ExtensionState:
    """The state of the extension `name` after `call`; raises InvalidExtensionState (403), and then nothing has changed."""
    try:
        return TRANSITIONS[state][call]
    except KeyError:
        raise InvalidExtensionState.transition(name, state.value, call.value) from None

from __future__ import annotations

import pytest

from runtime_api.protocol.runtime.errors import InvalidStateTransition
from runtime_api.protocol.runtime.states import TRANSITIONS, RuntimeCall, RuntimeState, transition

# The whole machine, written down a second time: from the names printed, not from the table.
LEGAL = {
    ("Started", "NEXT"): "Ready",
    ("Started", "INIT_ERROR"): "InitError",
    ("Ready", "NEXT"): "Ready",
    ("Ready", "DISPATCH"): "Running",
    ("Running", "NEXT"): "Running",
    ("Running", "RESPONSE"): "InvocationResponse",
    ("Running", "ERROR"): "InvocationErrorResponse",
    ("InvocationResponse", "SENT"): "RuntimeResponseSentState",
    ("InvocationErrorResponse", "SENT"): "RuntimeResponseSentState",
    ("RuntimeResponseSentState", "NEXT"): "Ready",
    ("Started", "RESTORE_NEXT"): "RestoreReady",
    ("RestoreReady", "RESTORE"): "Restoring",
    ("Restoring", "NEXT"): "Ready",
    ("Restoring", "INIT_ERROR"): "RuntimeRestoreErrorState",
    ("Restoring", "RESTORE_ERROR"): "RuntimeRestoreErrorState",
}
TARGETS = {
    "NEXT": "Ready",
    "INIT_ERROR": "InitError",
    "RESPONSE": "InvocationResponse",
    "ERROR": "InvocationErrorResponse",
    "DISPATCH": "Running",
    "SENT": "RuntimeResponseSentState",
    "RESTORE_NEXT": "RestoreReady",
    "RESTORE": "Restoring",
    "RESTORE_ERROR": "RuntimeRestoreErrorState",
}
CELLS = [(state, call) for state in RuntimeState for call in RuntimeCall]


@pytest.mark.parametrize(("state", "call"), CELLS, ids=lambda member: member.name)
def test_every_cell(state: RuntimeState, call: RuntimeCall) -> None:
    """A legal call leads to its documented state; any other is refused in the service's words."""
    target = LEGAL.get((state.value, call.name))
    if target is not None:
        assert transition(state, call).value == target
        return
    with pytest.raises(InvalidStateTransition) as refused:
        transition(state, call)
    assert str(refused.value) == (
        f"State transition from {state.value} to {TARGETS[call.name]} failed for runtime. "
        "Error: State transition is not allowed"
    )
    assert (refused.value.status, refused.value.error_type) == (403, "InvalidStateTransition")


def test_every_state_has_a_row() -> None:
    """No state is missing from the table."""
    assert set(TRANSITIONS) == set(RuntimeState)


def test_a_refusal_changes_nothing() -> None:
    """The table is the same before and after a refused call."""
    before = {state: dict(row) for state, row in TRANSITIONS.items()}
    with pytest.raises(InvalidStateTransition):
        transition(RuntimeState.INIT_ERROR, RuntimeCall.NEXT)
    assert before == TRANSITIONS

from __future__ import annotations

import pytest

from runtime_api.protocol.extension.errors import InvalidExtensionState
from runtime_api.protocol.extension.states import TRANSITIONS, ExtensionCall, ExtensionState, transition

# The whole machine, written down a second time: from the names printed, not from the table.
LEGAL = {
    ("Started", "REGISTER"): "Registered",
    ("Registered", "NEXT"): "Ready",
    ("Registered", "INIT_ERROR"): "InitError",
    ("Registered", "EXIT_ERROR"): "ExitError",
    ("Ready", "DISPATCH"): "Running",
    ("Ready", "EXIT_ERROR"): "ExitError",
    ("Running", "NEXT"): "Ready",
    ("Running", "EXIT_ERROR"): "ExitError",
    ("InitError", "INIT_ERROR"): "InitError",
    ("ExitError", "EXIT_ERROR"): "ExitError",
}
TARGETS = {
    "REGISTER": "Registered",
    "NEXT": "Ready",
    "DISPATCH": "Running",
    "INIT_ERROR": "InitError",
    "EXIT_ERROR": "ExitError",
}
CELLS = [(state, call) for state in ExtensionState for call in ExtensionCall]


@pytest.mark.parametrize(("state", "call"), CELLS, ids=lambda member: member.name)
def test_every_cell(state: ExtensionState, call: ExtensionCall) -> None:
    """A legal call leads to its documented state; any other is refused in the service's words."""
    target = LEGAL.get((state.value, call.name))
    if target is not None:
        assert transition("watcher", state, call).value == target
        return
    with pytest.raises(InvalidExtensionState) as refused:
        transition("watcher", state, call)
    assert str(refused.value) == (
        f"State transition from {state.value} to {TARGETS[call.name]} failed for extension watcher. "
        "Error: State transition is not allowed"
    )
    assert (refused.value.status, refused.value.error_type) == (403, "Extension.InvalidExtensionState")


def test_every_state_has_a_row() -> None:
    """No state is missing from the table."""
    assert set(TRANSITIONS) == set(ExtensionState)

from __future__ import annotations

import signal

from runtime_api.sandbox.isolation.freezing import continue_all, stop_all


class Crowd:
    """Processes by their number, each with the letter of its state; `children` are born when somebody looks."""

    def __init__(self, states: dict[int, str], children: list[int] | None = None) -> None:
        self.states = states
        self.sent: list[tuple[int, int]] = []
        self._children = children or []

    def members(self) -> list[int]:
        """Who is there; and then one more is."""
        present = list(self.states)
        if self._children:
            self.states[self._children.pop(0)] = "R"
        return present

    def send(self, pid: int, number: int) -> None:
        """A signal."""
        self.sent.append((pid, number))
        if pid not in self.states:
            raise ProcessLookupError
        self.states[pid] = "T" if number == signal.SIGSTOP else "R"


def test_everybody_is_stopped_once() -> None:
    """And told of."""
    crowd = Crowd({1: "R", 2: "S"})
    assert stop_all(crowd.members, crowd.send, crowd.states.__getitem__) == {1, 2}
    assert crowd.sent == [(1, signal.SIGSTOP), (2, signal.SIGSTOP)]


def test_who_was_born_meanwhile_is_stopped_too() -> None:
    """Looks go on until nobody is new."""
    crowd = Crowd({1: "R"}, children=[2, 3])
    assert stop_all(crowd.members, crowd.send, crowd.states.__getitem__) == {1, 2, 3}
    assert set(crowd.states.values()) == {"T"}


def test_looks_go_on_until_everybody_has_come_to_rest() -> None:
    """A process in the middle of starting another one finishes that before it stops."""
    crowd = Crowd({1: "R"})
    letters = iter("RRRR")

    def state(pid: int) -> str:
        letter = next(letters, "T")
        if letter == "T":
            crowd.states.setdefault(2, "R")
        return letter

    assert stop_all(crowd.members, crowd.send, state) == {1, 2}


def test_a_crowd_that_never_ends_does_not_hold_the_platform() -> None:
    """After some hundred looks it is let go."""
    crowd = Crowd({1: "R"}, children=list(range(2, 10_000)))
    assert 100 < len(stop_all(crowd.members, crowd.send, crowd.states.__getitem__)) < 1000


def test_who_is_gone_is_left_out() -> None:
    """A process may end between two steps."""
    crowd = Crowd({1: "R"})
    assert stop_all(lambda: [1, 7], crowd.send, lambda pid: crowd.states.get(pid, "X")) == {1, 7}
    continue_all([7, 1], crowd.send)
    assert crowd.states == {1: "R"}

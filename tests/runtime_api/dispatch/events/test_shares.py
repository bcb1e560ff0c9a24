from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.dispatch.events.shares import share_out


def test_one_for_each_in_turn() -> None:
    """What is left over goes to those that come first."""
    assert share_out({"a": 10, "b": 10, "c": 10}, 5) == {"a": 2, "b": 2, "c": 1}


def test_what_one_has_no_room_for_others_get() -> None:
    """No slot stays free while somebody has room."""
    assert share_out({"a": 1, "b": 10}, 5) == {"a": 1, "b": 4}
    assert share_out({"a": 1, "b": 2}, 50) == {"a": 1, "b": 2}


def test_nothing_to_share() -> None:
    """Those who get nothing are not in it."""
    assert share_out({"a": 3}, 0) == share_out({}, 3) == share_out({"a": 0}, 3) == {}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 20)), st.integers(0, 60))
def test_shares_are_fair(room: dict[str, int], slots: int) -> None:
    """Nobody gets more than one above another who had room for more, and nothing is wasted."""
    shares = dict.fromkeys(room, 0) | share_out(room, slots)
    assert sum(shares.values()) == min(slots, sum(room.values()))
    assert all(shares[name] <= room[name] for name in room)
    unsated = [shares[name] for name in room if shares[name] < room[name]]
    assert not unsated or max(shares.values()) <= min(unsated) + 1

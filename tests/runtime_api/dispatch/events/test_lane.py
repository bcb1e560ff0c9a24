from __future__ import annotations

from runtime_api.dispatch.events.lane import Lane


def running(lane: Lane, count: int) -> Lane:
    """The lane with so many under way."""
    for _ in range(count):
        lane.start()
    return lane


def test_room_up_to_the_limit() -> None:
    """Less what runs."""
    assert [running(Lane("f", 3, 1_000), count).room(0) for count in range(4)] == [3, 2, 1, 0]


def test_a_refusal_makes_it_rest_and_then_begin_with_little() -> None:
    """As many as ran besides, and one more for each that runs."""
    lane = running(Lane("f", 10, 1_000), 4)
    lane.end(was_refused=True, now_ms=0)
    assert (lane.room(999), lane.resting_until_ms) == (0, 1_000)
    assert lane.room(1_000) == 0
    lane.end(was_refused=False, now_ms=1_000)
    assert lane.room(1_000) == 2


def test_one_may_always_run() -> None:
    """However often it was refused: how else would it be seen that there is room again?"""
    lane = running(Lane("f", 10, 1_000), 1)
    lane.end(was_refused=True, now_ms=0)
    assert lane.room(1_000) == 1
    assert Lane("f", 0, 1_000).room(0) == 1


def test_it_never_grows_above_its_limit() -> None:
    """Whatever goes well."""
    lane = Lane("f", 2, 1_000)
    for _ in range(5):
        running(lane, 1).end(was_refused=False, now_ms=0)
    assert lane.room(0) == 2

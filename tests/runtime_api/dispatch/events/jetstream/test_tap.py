from __future__ import annotations

from runtime_api.dispatch.events.jetstream.tap import EXPIRES_MS, Delivered, Tap
from tests.runtime_api.dispatch.events.queued import queued


def filled(count: int, due_ms: float = 0) -> Tap:
    """A tap by which so many events came, each a millisecond after the other."""
    tap = Tap()
    for number in range(count):
        tap.waiting[number] = Delivered(queued(number, due_ms=due_ms), number, f"reply-{number}", number)
    return tap


def test_what_there_is_room_for_is_asked_for_once() -> None:
    """And again, as far as it came and was taken."""
    tap = Tap()
    assert tap.missing(3, 0) == 3
    tap.asked("a", 3, 0)
    assert tap.missing(3, 0) == 0
    assert tap.missing(5, 0) == 2
    tap.came()
    assert tap.missing(3, 0) == 1
    tap.waiting[1] = filled(1).waiting[0]
    assert tap.missing(3, 0) == 0
    assert tap.missing(1, 0) == 0


def test_the_oldest_request_is_filled_first() -> None:
    """What was asked for besides still stands."""
    tap = Tap()
    tap.asked("a", 1, 0)
    tap.asked("b", 1, 0)
    tap.came()
    assert tap.over("b")
    assert tap.missing(1, 0) == 1


def test_a_request_that_is_over_is_asked_for_again() -> None:
    """Whether NATS said so, or its word was lost, or the connection."""
    for end, now_ms in ((lambda tap: tap.over("a"), 0), (lambda _tap: None, 2 * EXPIRES_MS), (Tap.forget_requests, 0)):
        tap = Tap()
        tap.asked("a", 2, 0)
        end(tap)
        assert tap.missing(2, now_ms) == 2
    assert not Tap().over("a")


def test_what_is_due_is_taken_in_its_order() -> None:
    """So many as are asked for."""
    tap = filled(3, due_ms=10)
    assert tap.take(9, 3) == []
    assert [each.sequence for each in tap.take(10, 2)] == [0, 1]
    assert [each.sequence for each in tap.take(10, 2)] == [2]
    assert tap.next_due_ms() is None
    assert filled(2, due_ms=10).next_due_ms() == 10


def test_what_has_no_room_is_let_go() -> None:
    """The latest first, and what waits for long."""
    tap = filled(3)
    assert [each.sequence for each in tap.surplus(2)] == [2]
    assert tap.surplus(2) == []
    assert [each.sequence for each in tap.older_than(1)] == [0]
    assert list(tap.waiting) == [1]

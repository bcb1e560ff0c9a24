from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.telemetry.api.batches import Batches


def filled(count: int, size: int = 1, max_items: int = 10, max_bytes: int = 100) -> Batches:
    """Batches with so many items of that size."""
    batches = Batches(max_items, max_bytes)
    for number in range(count):
        batches.add(b"%d" % (number % 10) * size)
    return batches


def test_a_batch_is_full_by_items_or_by_bytes() -> None:
    """Whichever comes first."""
    assert [filled(count).is_full for count in (9, 10)] == [False, True]
    assert [filled(count, 50).is_full for count in (1, 2)] == [False, True]


def test_a_batch_holds_no_more_than_its_limits() -> None:
    """So many items, or twice the bytes; the rest waits for the next."""
    batches = filled(12)
    assert (len(batches.take()), len(batches.take()), len(batches.take())) == (10, 2, 0)
    batches = filled(9, 40)
    assert (len(batches.take()), len(batches.take()), len(batches.take())) == (5, 4, 0)


def test_an_item_larger_than_a_batch_counts_as_one() -> None:
    """It is neither lost for its size nor pushed out by the next."""
    batches = Batches(10, 100)
    for item in (b"a", b"x" * 1000, b"y" * 1000, b"b"):
        batches.add(item)
    assert batches.is_full
    assert [len(item) for item in batches.take()] == [1, 1000]
    assert [len(item) for item in batches.take()] == [1000, 1]
    assert (batches.take(), batches.take_dropped()) == ([], (0, 0))


def test_the_oldest_are_dropped() -> None:
    """Four batches wait at most; what was dropped is told once."""
    batches = filled(45)
    assert (len(batches), batches.take()[0]) == (40, b"5")
    assert batches.take_dropped() == (5, 5)
    assert batches.take_dropped() == (0, 0)


@given(st.lists(st.integers(1, 300), max_size=100))
def test_every_byte_is_delivered_or_counted(sizes: list[int]) -> None:
    """In order, and never more than what may wait."""
    batches = Batches(10, 100)
    for size in sizes:
        batches.add(b"x" * size)
        assert len(batches) <= 40
    delivered = []
    while batch := batches.take():
        delivered += [len(item) for item in batch]
    dropped_bytes, dropped_records = batches.take_dropped()
    assert delivered == sizes[len(sizes) - len(delivered) :]
    assert (sum(delivered) + dropped_bytes, len(delivered) + dropped_records) == (sum(sizes), len(sizes))

"""What waits to be delivered to one subscriber: bounded, in order, and honest about what it had to drop."""

from __future__ import annotations

from collections import deque

# How many batches a subscriber may fall behind.
_BACKLOG = 4
# telemetry-api: a listener may be sent twice the maximum at once
_OVERSHOOT = 2


class Batches:
    """Items on their way. A batch is full with `max_items` or `max_bytes`; four times as much may wait."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._limit_items = _BACKLOG * max_items
        self._limit_bytes = _BACKLOG * max_bytes
        self._items: deque[bytes] = deque()
        self._bytes = 0
        self._dropped_records = 0
        self._dropped_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether what waits makes a whole batch."""
        return len(self._items) >= self._max_items or self._bytes >= self._max_bytes

    def add(self, item: bytes) -> None:
        """One more at the end; what is too much is dropped at the other end."""
        self._items.append(item)
        self._bytes += self._weight(item)
        while len(self._items) > self._limit_items or self._bytes > self._limit_bytes:
            self.count_dropped(len(self._pop()), 1)

    def take(self) -> list[bytes]:
        """The next batch, oldest first: one item at least, unless nothing waits."""
        if len(self._items) <= self._max_items and self._bytes <= _OVERSHOOT * self._max_bytes:
            batch = list(self._items)
            self._items.clear()
            self._bytes = 0
            return batch
        return self._take_part()

    def count_dropped(self, size: int, records: int) -> None:
        """So much its subscriber will never see."""
        self._dropped_bytes += size
        self._dropped_records += records

    def take_dropped(self) -> tuple[int, int]:
        """How many bytes and records were dropped since the last look."""
        dropped = (self._dropped_bytes, self._dropped_records)
        self._dropped_bytes = self._dropped_records = 0
        return dropped

    def _take_part(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._items and len(batch) < self._max_items:
            size += self._weight(self._items[0])
            if batch and size > _OVERSHOOT * self._max_bytes:
                break
            batch.append(self._pop())
        return batch

    def _pop(self) -> bytes:
        item = self._items.popleft()
        self._bytes -= self._weight(item)
        return item

    def _weight(self, item: bytes) -> int:
        # One that is larger than a batch counts as a batch: the next item must not push it out.
        size = len(item)
        return size if size < self._max_bytes else self._max_bytes

"""What one consumer of the stream was asked for, and what came and is not taken yet.

Strategy: messages come only where they were asked for, and no more are asked for than there is room to run: a server that is busy
leaves events to the others. A request stands at NATS until it is filled or expires, so an event comes the moment it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime_api.dispatch.events.jetstream.messages import Item

EXPIRES_MS = 30_000
# The word that a request expired may be lost; then it counts as over so much later.
_GRACE_MS = 5_000


@dataclass
class Delivered:
    """A message in our hands; `reply` is where NATS is told what became of it."""

    item: Item
    sequence: int
    reply: str
    came_ms: float


@dataclass
class _Request:
    left: int
    over_ms: float


@dataclass
class Tap:
    """The consumer of one state of one function. Times are those of a monotonic clock."""

    waiting: dict[int, Delivered] = field(default_factory=dict)
    _requests: dict[str, _Request] = field(default_factory=dict)

    def missing(self, room: int, now_ms: float) -> int:
        """How many more to ask for, to fill so much room."""
        self._requests = {name: each for name, each in self._requests.items() if each.over_ms > now_ms and each.left}
        return max(room - len(self.waiting) - sum(request.left for request in self._requests.values()), 0)

    def asked(self, name: str, count: int, now_ms: float) -> None:
        """A request stands at NATS."""
        self._requests[name] = _Request(count, now_ms + EXPIRES_MS + _GRACE_MS)

    def came(self) -> None:
        """One message less is to come: NATS fills the oldest request first."""
        for request in self._requests.values():
            if request.left:
                request.left -= 1
                return

    def over(self, name: str) -> bool:
        """NATS fills this request no more; whether it was one of ours."""
        return self._requests.pop(name, None) is not None

    def forget_requests(self) -> None:
        """The connection they came by is gone."""
        self._requests.clear()

    def take(self, now_ms: float, limit: int) -> list[Delivered]:
        """Of what waits, what is due by the wall clock's `now_ms`."""
        due = [each for each in self.waiting.values() if each.item.due_ms <= now_ms][:limit]
        return [self.waiting.pop(each.sequence) for each in due]

    def surplus(self, room: int) -> list[Delivered]:
        """What waits and has no room here, the latest; it is ours no more."""
        return [self.waiting.pop(sequence) for sequence in list(self.waiting)[room:]]

    def older_than(self, came_ms: float) -> list[Delivered]:
        """What waits since before then; it is ours no more."""
        old = [each.sequence for each in self.waiting.values() if each.came_ms < came_ms]
        return [self.waiting.pop(sequence) for sequence in old]

    def next_due_ms(self) -> float | None:
        """When the first of what waits is due."""
        return min((each.item.due_ms for each in self.waiting.values()), default=None)

from __future__ import annotations

from runtime_api.telemetry.events import Event, FunctionLine
from runtime_api.telemetry.stream import Stream
from tests.runtime_api.virtual_clock import START_MS, VirtualClock


def test_everybody_is_called_in_order(clock: VirtualClock) -> None:
    """Each subscriber gets each event, at once, with the moment it was made."""
    stream = Stream(clock)
    seen: list[tuple[str, Event]] = []
    stream.subscribe(lambda event: seen.append(("first", event)))
    stream.subscribe(lambda event: seen.append(("second", event)))
    clock.advance(5)
    stream.publish(FunctionLine(b"x"))
    event = Event(START_MS + 5, FunctionLine(b"x"))
    assert seen == [("first", event), ("second", event)]


def test_who_unsubscribed_is_not_called(clock: VirtualClock) -> None:
    """From then on."""
    stream = Stream(clock)
    seen: list[Event] = []
    stream.subscribe(seen.append)
    stream.publish(FunctionLine(b"1"))
    stream.unsubscribe(seen.append)
    stream.publish(FunctionLine(b"2"))
    assert [event.record for event in seen] == [FunctionLine(b"1")]

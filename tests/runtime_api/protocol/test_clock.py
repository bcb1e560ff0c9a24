from __future__ import annotations

from tests.runtime_api.virtual_clock import START_MS, VirtualClock


def test_the_virtual_clock_fires_in_order(clock: VirtualClock) -> None:
    """Timers fire when they are due, also those set by timers; a cancelled one never does."""
    fired: list[tuple[str, float]] = []

    def again() -> None:
        fired.append(("first", clock.monotonic_ms()))
        clock.call_later(10, lambda: fired.append(("set by the first", clock.monotonic_ms())))

    clock.call_later(30, lambda: fired.append(("last", clock.monotonic_ms())))
    clock.call_later(10, again)
    clock.call_later(5, lambda: fired.append(("cancelled", 0))).cancel()
    clock.advance(29)
    assert fired == [("first", 10), ("set by the first", 20)]
    clock.advance(1)
    assert fired[-1] == ("last", 30)
    assert clock.time_ms() == START_MS + 30


def test_a_timer_that_fired_can_be_cancelled(clock: VirtualClock) -> None:
    """Harmless, as the protocol asks."""
    timer = clock.call_later(1, lambda: None)
    clock.advance(1)
    timer.cancel()

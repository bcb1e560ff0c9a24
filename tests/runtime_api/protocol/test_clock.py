from __future__ import annotations

from tests.runtime_api.virtual_clock import START_MS, VirtualClock


def test_the_virtual_clock_fires_in_order(clock: VirtualClock) -> None:
    """Timers fire when they are due, also those set by timers; a cancelled one never does."""
    fired: list[str] = []

    def again() -> None:
        fired.append(f"first at {clock.monotonic_ms():g}")
        clock.call_later(10, lambda: fired.append(f"second at {clock.monotonic_ms():g}"))

    clock.call_later(30, lambda: fired.append(f"last at {clock.monotonic_ms():g}"))
    clock.call_later(10, again)
    clock.call_later(5, lambda: fired.append("cancelled")).cancel()
    clock.advance(29)
    assert fired == ["first at 10", "second at 20"]
    clock.advance(1)
    assert fired[-1] == "last at 30"
    assert clock.time_ms() == START_MS + 30


def test_a_timer_that_fired_can_be_cancelled(clock: VirtualClock) -> None:
    """Harmless, as the protocol asks."""
    timer = clock.call_later(1, lambda: None)
    clock.advance(1)
    timer.cancel()

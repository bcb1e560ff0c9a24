"""How fast a streamed answer may go."""

from __future__ import annotations

import pytest

from runtime_api.protocol.invoke.stream_bandwidth import StreamBandwidth

MIB = 1024 * 1024


def test_the_first_six_megabytes_leave_at_once() -> None:
    """In one piece, and in many."""
    assert StreamBandwidth(5).take(6 * MIB, 5) == 0
    bandwidth = StreamBandwidth(5)
    assert [bandwidth.take(MIB, 5) for _ in range(6)] == [0] * 6


def test_what_follows_leaves_at_two_megabytes_a_second() -> None:
    """Each piece waits until all before it have left, and itself may."""
    bandwidth = StreamBandwidth(0)
    bandwidth.take(6 * MIB, 0)
    assert [bandwidth.take(MIB, now_ms) for now_ms in (0, 500, 1000)] == [500, 500, 500]


def test_a_long_answer_takes_its_time() -> None:
    """200 MB are 6 at once and 194 at 2 a second: 97 seconds, however they are cut."""
    bandwidth, now_ms = StreamBandwidth(0), 0.0
    for _ in range(200 * 16):
        now_ms += bandwidth.take(MIB // 16, now_ms)
    assert now_ms == pytest.approx(97_000)


def test_what_is_not_used_comes_back_up_to_the_first_six() -> None:
    """A function that writes slowly is not slowed down, and saves up no more than it began with."""
    bandwidth = StreamBandwidth(0)
    bandwidth.take(6 * MIB, 0)
    assert bandwidth.take(MIB, 500) == 0
    assert bandwidth.take(6 * MIB, 1_000_000) == 0
    assert bandwidth.take(MIB, 1_000_000) == 500

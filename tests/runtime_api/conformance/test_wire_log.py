from __future__ import annotations

from runtime_api.conformance.wire_log import NOTE, WireEvent, render


def test_a_log_without_end_is_shown_from_both_ends() -> None:
    """And how much is left out is said."""
    lines = render([WireEvent.of(0, 1, NOTE, f"event {number}".encode()) for number in range(200_000)]).splitlines()
    assert len(lines) < 20_000
    assert (lines[0].endswith("event 0"), lines[-1].endswith("event 199999")) == (True, True)
    assert [line.split() for line in lines if "more" in line] == [["…", str(200_000 - len(lines) + 1), "more", "…"]]


def test_a_short_log_is_whole() -> None:
    """With the bytes of each event, escaped."""
    (line,) = render([WireEvent.of(1500, 2, ">", b"GET / HTTP/1.1\r\n")]).splitlines()
    assert line.split() == ["1.5000", "#2", ">", "GET", "/", "HTTP/1.1"]

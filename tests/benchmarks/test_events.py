"""The survival of events in small: a server killed again and again, and every event accepted is run and told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.events import survive


@pytest.mark.slow
def test_no_event_is_lost_to_kills(tmp_path: Path) -> None:
    """Five times while they are sent and while they run; and none has to be sent again once it was accepted."""
    survival = survive(tmp_path, events=240, kills=5)
    assert len(survival.accepted) == 240
    assert (survival.lost, survival.untold) == (set(), set())

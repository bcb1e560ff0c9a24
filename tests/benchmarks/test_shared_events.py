"""Several servers in small: one queue on NATS, and a server killed while it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.shared_events import survive
from tests.conftest import needs_nats_server


@pytest.mark.slow
@needs_nats_server
def test_no_event_is_lost_with_a_server(tmp_path: Path) -> None:
    """The one that is left runs what the dead one had begun, and tells of it."""
    survival = survive(tmp_path, events=200, kills=1)
    assert len(survival.accepted) == 200
    assert (survival.lost, survival.untold) == (set(), set())

"""What is judged, and how patiently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec


class Target(msgspec.Struct, frozen=True):
    """A runtime under test. `command` is absolute; `handlers` is the folder its task root is filled from.

    `environment` adds to what every scenario sets. `features` are those it claims.
    """

    command: tuple[str, ...]
    handlers: Path
    features: frozenset[str] = frozenset()
    environment: Mapping[str, str] = {}


class Pace(msgspec.Struct, frozen=True):
    """How long things are waited for, in seconds.

    `patience_s`: for anything a runtime ought to do at once. `hold_s`: how long a poll is left without an event. `freeze_s`: how long the
    process is stopped. `endure_s`: what a long row of events may take in all. `trickle_s`: how long
    it takes to take in the biggest answer.
    """

    patience_s: float = 10.0
    hold_s: float = 6.0
    freeze_s: float = 2.0
    endure_s: float = 12.0
    trickle_s: float = 2.0


QUICK = Pace()
SLOW = Pace(patience_s=20.0, hold_s=305.0, freeze_s=31.0, endure_s=120.0, trickle_s=24.0)

"""What a sandbox tells, as numbers: a fold of its events into the tally of its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.metrics import Serving, Tally
from runtime_api.telemetry.events import Event, InitReport, Report, Start


class SandboxMetrics:
    """Counts for one sandbox, as a subscriber of its stream."""

    def __init__(self, tally: Tally, serving: Serving) -> None:
        self._tally = tally
        self._serving = serving
        self._steps: dict[type, Callable[[Any], None]] = {
            Start: self._started,
            Report: self._reported,
            InitReport: self._initialised,
        }

    def __call__(self, event: Event) -> None:
        """Take one more event in."""
        step = self._steps.get(type(event.record))
        if step is not None:
            step(event.record)

    def _started(self, _start: Start) -> None:
        self._tally.started(self._serving)

    def _reported(self, report: Report) -> None:
        self._tally.ended(self._serving, report.duration_ms, is_error=report.status is not OutcomeKind.SUCCESS)

    def _initialised(self, report: InitReport) -> None:
        self._tally.initialised(self._serving, report.duration_ms, report.phase)

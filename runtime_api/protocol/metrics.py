"""What is counted of functions, and when, by the service's names for its metrics.

Strategy: each version of a function has a tally. What its sandboxes tell is folded into it, which is a few additions, as it happens at
every invocation; what no sandbox sees, such as a call that is refused, is counted by who refuses it. Names, units and forms are the
business of whoever writes the numbers down.
Source: the Developer Guide's page monitoring-metrics-types.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from enum import Enum
from itertools import accumulate

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.phases import InitializationType, InitPhase

# An invocation lasts up to 15 minutes.
DURATION_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)


class Histogram:
    """How many values were at most each bound, and their sum; `bounds` ascend."""

    def __init__(self, bounds: tuple[float, ...] = DURATION_BOUNDS_S) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def cumulative(self) -> list[int]:
        """The number of values up to each bound, and last that of all."""
        return list(accumulate(self._counts))


class Serving(Enum):
    """What a sandbox is there for."""

    ON_DEMAND = "calls on demand"
    PROVISIONED = "provisioned concurrency"
    SPILLOVER = "what is more than provisioned concurrency"


class Tally:
    """The numbers of one version of a function. They only grow, but for those that are `running`. Histograms are of seconds."""

    def __init__(self) -> None:
        self.invocations = 0
        self.errors = 0
        self.throttles = 0
        self.recursive_invocations_dropped = 0
        self.provisioned_invocations = 0
        self.spillover_invocations = 0
        self.running = 0
        self.provisioned_running = 0
        self.cold_starts = 0
        self.duration = Histogram()
        self.init_duration = Histogram()

    def started(self, serving: Serving) -> None:
        """An invocation runs from now on."""
        self.invocations += 1
        self.running += 1
        if serving is Serving.PROVISIONED:
            self.provisioned_invocations += 1
            self.provisioned_running += 1
        elif serving is Serving.SPILLOVER:
            self.spillover_invocations += 1

    def ended(self, serving: Serving, duration_ms: float, *, is_error: bool) -> None:
        """An invocation is over."""
        self.running -= 1
        if serving is Serving.PROVISIONED:
            self.provisioned_running -= 1
        if is_error:
            self.errors += 1
        self.duration.observe(duration_ms / 1000)

    def initialised(self, serving: Serving, duration_ms: float, phase: InitPhase) -> None:
        """A sandbox is through with its init. Somebody waited for it, unless it is provisioned; run again, it is the same cold start."""
        self.init_duration.observe(duration_ms / 1000)
        if serving is not Serving.PROVISIONED and phase is not InitPhase.INVOKE:
            self.cold_starts += 1


class Metrics:
    """Those of a platform: a tally for each version of its functions, from the beginning."""

    def __init__(self, functions: Iterable[Function] = ()) -> None:
        self.tallies = {(function.name, function.version): Tally() for function in functions}

    def of(self, function: Function) -> Tally:
        """The tally of a version."""
        return self.tallies.setdefault((function.name, function.version), Tally())


def serving_of(function: Function) -> Serving:
    """What a sandbox is there for that runs a version as this says."""
    if function.initialization_type is InitializationType.PROVISIONED_CONCURRENCY:
        return Serving.PROVISIONED
    return Serving.SPILLOVER if function.provisioned_concurrency else Serving.ON_DEMAND

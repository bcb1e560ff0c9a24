from __future__ import annotations

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.metrics import Histogram, Metrics, Serving, Tally, serving_of
from runtime_api.protocol.phases import InitPhase


def test_a_histogram_counts_up_to_each_bound() -> None:
    """A value that is a bound belongs to it; the last number is that of all values."""
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 7):
        histogram.observe(value)
    assert histogram.cumulative == [2, 4, 5]
    assert histogram.sum == 12


def test_an_invocation_runs_from_its_start_to_its_end() -> None:
    """An error is an invocation, too; durations are in seconds."""
    tally = Tally()
    tally.started(Serving.ON_DEMAND)
    tally.started(Serving.ON_DEMAND)
    tally.ended(Serving.ON_DEMAND, 1_500, is_error=True)
    assert (tally.invocations, tally.running, tally.errors, tally.duration.sum) == (2, 1, 1, 1.5)
    assert (tally.provisioned_invocations, tally.spillover_invocations) == (0, 0)


@pytest.mark.parametrize(
    ("serving", "numbers"), [(Serving.PROVISIONED, (1, 0)), (Serving.SPILLOVER, (0, 1)), (Serving.ON_DEMAND, (0, 0))]
)
def test_invocations_are_told_apart_by_what_ran_them(serving: Serving, numbers: tuple[int, int]) -> None:
    """On provisioned sandboxes, beside them, or without any; in use is only what is provisioned, while it runs."""
    tally = Tally()
    tally.started(serving)
    assert (tally.provisioned_invocations, tally.spillover_invocations) == numbers
    assert tally.provisioned_running == numbers[0]
    tally.ended(serving, 1, is_error=False)
    assert tally.provisioned_running == 0


def test_a_cold_start_is_an_init_somebody_waited_for() -> None:
    """A provisioned sandbox is none, and one that runs its init again within the invocation is the same cold start."""
    tally = Tally()
    tally.initialised(Serving.ON_DEMAND, 10, InitPhase.INIT)
    tally.initialised(Serving.ON_DEMAND, 20, InitPhase.INVOKE)
    tally.initialised(Serving.PROVISIONED, 30, InitPhase.INIT)
    assert tally.cold_starts == 1
    assert tally.init_duration.cumulative[-1] == 3


def test_what_a_sandbox_is_there_for() -> None:
    """It is told by how it runs its function: provisioned, or on demand with something provisioned beside it."""
    provisioned = Function(name="f", task_root="/", handler="a.b", init_type="provisioned-concurrency")
    beside = Function(name="f", version="1", task_root="/", handler="a.b", provisioned_concurrency=1)
    plain = Function(name="f", task_root="/", handler="a.b")
    assert [serving_of(one) for one in (provisioned, beside, plain)] == [
        Serving.PROVISIONED,
        Serving.SPILLOVER,
        Serving.ON_DEMAND,
    ]


def test_each_version_has_a_tally_from_the_beginning() -> None:
    """All sandboxes of one share it."""
    first, second = (Function(name="f", task_root="/", handler="a.b", version=version) for version in ("1", "2"))
    metrics = Metrics([first, second])
    assert list(metrics.tallies) == [("f", "1"), ("f", "2")]
    assert metrics.of(first) is metrics.of(first) is not metrics.of(second)

"""LIFE: life and end of the process."""

from __future__ import annotations

import signal

from runtime_api.conformance.cases import SHOULD, Scenario, Section, scenario
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime.ending import END_S
from runtime_api.conformance.runtime.next import thousand
from runtime_api.conformance.runtime_stage.event import op
from runtime_api.conformance.runtime_stage.record import Call, Run, Sample
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import CUSTOM, ENVIRONMENT
from runtime_api.conformance.verdicts import World

LIFE = Section("RT-LIFE", "life and end of the process")

_TERM_MS = 500.0
# What a busy machine may add to an end that came at once.
_SLACK_MS = 500.0
_EXIT_STATUS, _HARD_EXIT_STATUS = 3, 4
_LAST_CHILDREN_S = 1.0
_DESCRIPTORS_MORE_MAX = 10
_CHILDREN_MORE_MAX = 2


def _exiting(name: str, operation: str, status: int) -> Scenario:
    async def play(stage: Stage) -> None:
        await stage.start()
        lives_on = await stage.serve(op(operation, status=status))
        if not lives_on and await stage.gone(within_s=END_S):
            await stage.left_behind(within_s=_LAST_CHILDREN_S)

    return Scenario(name, play)


exiting_handler = _exiting("exiting-handler", "exit", _EXIT_STATUS)
hard_exiting_handler = _exiting("hard-exiting-handler", "hard-exit", _HARD_EXIT_STATUS)


@scenario("sigterm", alone=True)
async def sigterm(stage: Stage) -> None:
    """SIGTERM while the runtime polls, after an event."""
    await stage.start()
    await stage.serve(op("echo", value="before"))
    stage.mark("terminated")
    stage.signal(signal.SIGTERM)
    await stage.gone(within_s=END_S)


@LIFE.case(
    "RT-LIFE-001",
    "exit-in-handler",
    SHOULD,
    "CR",
    refs=[CUSTOM],
    needs=[exiting_handler, hard_exiting_handler],
    depends_on=[REACHES_API],
)
def exit_in_handler(world: World, *runs: Run) -> None:
    """A handler that ends the process is no success, and its exit status is kept.

    It exits with status 3 in the language's ordinary way, and in a second run at once with status 4. An error may be reported first.
    Where a handler cannot end the process, as in a shell that runs it apart, an error has to be reported.
    """
    for status, run in zip((_EXIT_STATUS, _HARD_EXIT_STATUS), runs, strict=True):
        world.check(not run.of(Call.RESPONSE), f"no response from a handler that exits with status {status}", run.story)
        lives_on = bool(run.of(Call.ERROR)) and run.process.status is None
        world.check(run.process.status == status or lives_on, f"exit status {status}", run.story)


@LIFE.case("RT-LIFE-002", "sigterm-idle", SHOULD, "C", refs=[ENVIRONMENT], needs=[sigterm], depends_on=[REACHES_API])
def sigterm_idle(world: World, run: Run) -> None:
    """SIGTERM ends a runtime that polls within half a second.

    The whole process group is sent it. Any status will do, and half a second more is allowed for, because the machine may be busy.
    """
    asked_ms = run.marks.get("terminated", 0.0)
    took_ms = (run.process.ended_ms or float("inf")) - asked_ms
    ended = run.process.status is not None and took_ms <= _TERM_MS + _SLACK_MS
    took = f"still running after {END_S * 1000:.0f} ms" if run.process.status is None else f"{took_ms:.0f} ms"
    world.check(ended, f"an end within {_TERM_MS:.0f} ms of SIGTERM", f"{took}; {run.story}")


@LIFE.case(
    "RT-LIFE-003",
    "no-leaks",
    SHOULD,
    "X",
    refs=[ENVIRONMENT],
    needs=[thousand, exiting_handler],
    depends_on=[REACHES_API],
)
def no_leaks(world: World, run: Run, exiting: Run) -> None:
    """Events leave no open descriptor and no child behind, and the end of the process leaves no other process.

    Descriptors and children are counted after 25 events and after a thousand, or after as many as there was time for.
    """
    early, late = run.samples.get("early"), run.samples.get("late")
    if world.check(_is_counted(early) and _is_counted(late), "a process that lives through the events", run.story):
        assert early is not None
        assert late is not None
        more = late.descriptors - early.descriptors
        world.check(more <= _DESCRIPTORS_MORE_MAX, "as many open descriptors as before", f"{more} more")
        more = late.children - early.children
        world.check(more <= _CHILDREN_MORE_MAX, "as many children as before", f"{more} more")
        world.check(not run.broken_off, "a runtime that takes every event", run.broken_off)
        world.note(f"{late.descriptors} descriptors, {late.children} children, {late.rss_bytes // 2**20} MiB resident")
    world.check(not exiting.left_behind, "no process left after the exit", f"{exiting.left_behind} processes")


def _is_counted(sample: Sample | None) -> bool:
    return sample is not None and sample.descriptors >= 0

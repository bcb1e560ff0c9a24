"""SNAP: what a runtime does around a snapshot."""

from __future__ import annotations

import msgspec

from runtime_api.conformance.cases import SHOULD, Scenario, Section, scenario
from runtime_api.conformance.runtime.boot import CLOCK_SLACK_MS, REACHES_API
from runtime_api.conformance.runtime.ending import END_S
from runtime_api.conformance.runtime_stage.event import op
from runtime_api.conformance.runtime_stage.record import Call, Run
from runtime_api.conformance.runtime_stage.scripted_api import EMPTY_REPLY
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import SNAPSTART_HOOKS
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import ENV_INITIALIZATION_TYPE

SNAP = Section("RT-SNAP", "snapshots", features=["snapstart"])

_SNAP_START = {ENV_INITIALIZATION_TYPE: "snap-start"}
_SNAPSHOT_S = 0.3


@scenario("snapshot")
async def snapshot(stage: Stage) -> None:
    """The initialization type is snap-start; the restore comes a little later, then an event."""
    stage.api.hold(Call.RESTORE_NEXT)
    await stage.start("conf.snap", environment=_SNAP_START)
    await stage.until(lambda: stage.run.of(Call.RESTORE_NEXT, Call.NEXT))
    await stage.rest(_SNAPSHOT_S)
    stage.mark("restored")
    for waiting in stage.run.of(Call.RESTORE_NEXT):
        if waiting.is_open:
            stage.api.reply(waiting, EMPTY_REPLY)
    await stage.serve(op("hooks"))


@scenario("no-snapshot")
async def no_snapshot(stage: Stage) -> None:
    """The same function with the usual initialization type."""
    await stage.start("conf.snap")
    await stage.serve(op("hooks"))


def _failing(name: str) -> Scenario:
    async def play(stage: Stage) -> None:
        await stage.start(f"conf.snap_boom_{name}", environment=_SNAP_START)
        await stage.until(lambda: stage.run.of(Call.INIT_ERROR, Call.RESTORE_ERROR, Call.NEXT))
        await stage.gone(within_s=END_S)

    return Scenario(f"failing-hook-{name}", play)


before_fails, after_fails = _failing("before"), _failing("after")


@SNAP.case(
    "RT-SNAP-001",
    "restore-next",
    SHOULD,
    "C",
    refs=[SNAPSTART_HOOKS],
    needs=[snapshot, no_snapshot],
    depends_on=[REACHES_API],
)
def waits_for_restore(world: World, run: Run, without: Run) -> None:
    """With the initialization type snap-start the runtime asks once for /restore/next, with the hooks around it; else never.

    The function has a hook before the snapshot and one after the restore; the restore comes 300 ms late.
    """
    world.check(not without.of(Call.RESTORE_NEXT), "no /restore/next without a snapshot", without.story)
    waits = run.of(Call.RESTORE_NEXT)
    if not world.check(len(waits) == 1, "one GET of /restore/next", run.story):
        return
    asked_ms, restored_ms = waits[0].request.began_ms, run.marks.get("restored", float("inf"))
    world.check(
        all(poll.request.began_ms >= restored_ms for poll in run.polls), "no next before the restore", run.story
    )
    times = _hook_times(run)
    if world.check(list(times) == ["before", "after"], "both hooks run, each once", run.result(0)):
        before, after = times["before"] - run.epoch_ms, times["after"] - run.epoch_ms
        world.check(
            before <= asked_ms + CLOCK_SLACK_MS,
            "the first hook before /restore/next",
            f"{before - asked_ms:.0f} ms late",
        )
        world.check(
            after >= restored_ms - CLOCK_SLACK_MS,
            "the second hook after the restore",
            f"{restored_ms - after:.0f} ms early",
        )


@SNAP.case(
    "RT-SNAP-002",
    "hook-failures",
    SHOULD,
    "C",
    refs=[SNAPSTART_HOOKS],
    needs=[before_fails, after_fails],
    depends_on=["RT-SNAP-001"],
)
def reports_hook_failures(world: World, before: Run, after: Run) -> None:
    """A hook that fails is reported, to /init/error before the snapshot, to /restore/error after it, and ends the process.

    The exit status must not be 0.
    """
    world.check(len(before.init_errors) == 1, "a hook before the snapshot reported to /init/error", before.story)
    world.check(not before.of(Call.RESTORE_NEXT), "no /restore/next after that", before.story)
    reported = len(after.of(Call.RESTORE_ERROR)) == 1
    world.check(reported, "a hook after the restore reported to /restore/error", after.story)
    for run in (before, after):
        world.check(not run.polls, "no next after a hook that failed", run.story)
        world.check(
            (run.process.status or 0) > 0, "an exit status above 0 after it", f"the process {run.process.ending}"
        )


def _hook_times(run: Run) -> dict[str, float]:
    try:
        return dict(msgspec.convert(run.result(0), list[tuple[str, float]]))
    except msgspec.ValidationError:
        return {}

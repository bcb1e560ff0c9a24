"""BOOT: how a runtime starts."""

from __future__ import annotations

import statistics
from pathlib import Path

import msgspec

from runtime_api.conformance.cases import INFO, MUST, SHOULD, Section, scenario
from runtime_api.conformance.runtime_stage.event import op
from runtime_api.conformance.runtime_stage.record import Run
from runtime_api.conformance.runtime_stage.stage import LOOPBACK, Stage
from runtime_api.conformance.sources import CUSTOM, ENVIRONMENT, NEXT, VARIABLES
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import ENV_RUNTIME_API

BOOT = Section("RT-BOOT", "start")
REACHES_API = "RT-BOOT-001"

_OTHER_LOOPBACK = "127.0.0.2"
_STARTS = 5
_DEAD_PROXY = "http://127.0.0.1:9"
_GIVE_UP_S = 2.0
# The process's clock and ours are one, read at slightly different moments.
CLOCK_SLACK_MS = 20.0


@scenario("elsewhere")
async def elsewhere(stage: Stage) -> None:
    """The API on an address that is not the usual one, where the machine has two, and a listener on the usual one."""
    await stage.listen(_OTHER_LOOPBACK)
    await stage.listen_in_vain(LOOPBACK, stage.api.port)
    await stage.start()
    await stage.serve(op("echo", value="here"))


@scenario("three-counted")
async def three_counted(stage: Stage) -> None:
    """Three events for a function that takes its time to load."""
    await stage.start("conf.slow_import")
    await stage.serve(op("counter"), op("counter"), op("counter"))


@scenario("main-handler")
async def main_handler(stage: Stage) -> None:
    """One event for `conf.main`."""
    await stage.start("conf.main")
    await stage.serve(op("echo", value="main"))


@scenario("other-handler")
async def other_handler(stage: Stage) -> None:
    """The same event for `conf.other`."""
    await stage.start("conf.other")
    await stage.serve(op("echo", value="main"))


@scenario("cwd-root")
async def cwd_root(stage: Stage) -> None:
    """The process is started in `/`."""
    await stage.start(cwd=Path("/"))
    await stage.serve(op("echo", value="found"))


@scenario("proxy-variables")
async def proxy_variables(stage: Stage) -> None:
    """Every proxy variable names a port where nobody listens."""
    proxies = {name: _DEAD_PROXY for upper in ("HTTP_PROXY", "ALL_PROXY") for name in (upper, upper.lower())}
    await stage.start(environment=proxies)
    await stage.serve(op("echo", value="direct"))


@scenario("no-api-variable")
async def no_api_variable(stage: Stage) -> None:
    """AWS_LAMBDA_RUNTIME_API is not set."""
    await stage.start(environment={ENV_RUNTIME_API: None})
    await stage.gone(within_s=_GIVE_UP_S + 1)


@scenario("cold-starts", alone=True, lasts_s=1.0)
async def cold_starts(stage: Stage) -> None:
    """The command is started again and again, each time until it polls."""
    for _ in range(_STARTS):
        await stage.start()
        await stage.idle()
        await stage.stop()


@BOOT.case("RT-BOOT-001", "uses-runtime-api-env", MUST, "D", refs=[CUSTOM, VARIABLES], needs=[elsewhere])
def uses_runtime_api_env(world: World, run: Run) -> None:
    """The runtime talks to exactly the host and port that AWS_LAMBDA_RUNTIME_API names.

    The API listens on a port nobody can guess, where possible on 127.0.0.2, and a second listener on the same port of 127.0.0.1.
    """
    world.check(run.exchanges, "a request to the address in AWS_LAMBDA_RUNTIME_API", run.story)
    world.check(not run.decoy, "no request anywhere else", f"{len(run.decoy)} to another host")


@BOOT.case("RT-BOOT-002", "version-path", MUST, "DO", refs=[NEXT], needs=[three_counted], depends_on=[REACHES_API])
def version_path(world: World, run: Run) -> None:
    """Every path starts with /2018-06-01/."""
    targets = [exchange.request.target for exchange in run.exchanges]
    others = [target for target in targets if not target.startswith("/2018-06-01/")]
    world.check(targets and not others, "paths that start with /2018-06-01/", others or run.story)


@BOOT.case(
    "RT-BOOT-003",
    "handler-from-env",
    MUST,
    "D",
    refs=[CUSTOM],
    needs=[main_handler, other_handler],
    depends_on=[REACHES_API],
)
def handler_from_env(world: World, first: Run, second: Run) -> None:
    """_HANDLER picks the function.

    The same command is started twice, with `conf.main` and with `conf.other`, and each gets the same event.
    """
    results = [*first.results, *second.results]
    world.check(
        results == ["main", "other"], "the two handlers' own results, 'main' and 'other'", results or first.story
    )


@BOOT.case("RT-BOOT-004", "task-root", MUST, "D", refs=[CUSTOM], needs=[cwd_root], depends_on=[REACHES_API])
def task_root(world: World, run: Run) -> None:
    """Code is loaded from LAMBDA_TASK_ROOT, whatever the working directory."""
    found = run.results == ["found"]
    world.check(found, "the handler's result, with the process started in /", run.results or run.story)


@BOOT.case(
    "RT-BOOT-005",
    "init-before-next",
    MUST,
    "D",
    refs=[CUSTOM, ENVIRONMENT],
    needs=[three_counted],
    depends_on=[REACHES_API],
)
def init_before_next(world: World, run: Run) -> None:
    """Global code has been run, once, before the first next.

    Loading the function takes 300 ms; it keeps the time at which that was over, and counts its calls.
    """
    told = [result for result in run.results if isinstance(result, dict)]
    counted = [one.get("count") for one in told] == [1, 2, 3]
    if not world.check(counted, "a count of 1, 2 and 3, from a file loaded once", run.results or run.story):
        return
    pids = [one.get("pid") for one in told]
    world.check(pids[0] and pids == pids[:1] * 3, "one process for all three", pids)
    loaded_ms = _maybe_ms(told[0].get("loaded_ms"))
    if world.check(loaded_ms is not None, "the time at which loading was over", told[0]) and loaded_ms is not None:
        early_ms = loaded_ms - run.epoch_ms - run.polls[0].request.began_ms
        late = f"polled {early_ms:.0f} ms before loading was over"
        world.check(early_ms <= CLOCK_SLACK_MS, "the first next after the function is loaded", late)


@BOOT.case(
    "RT-BOOT-006", "ignores-proxy-env", SHOULD, "X", refs=[NEXT], needs=[proxy_variables], depends_on=[REACHES_API]
)
def ignores_proxy_env(world: World, run: Run) -> None:
    """Proxy variables do not divert what is meant for the Runtime API.

    HTTP_PROXY, ALL_PROXY and their lower-case forms name a port of this machine where nobody listens.
    """
    world.check(run.results == ["direct"], "the handler's result, without the proxy", run.results or run.story)


@BOOT.case("RT-BOOT-007", "missing-api-var", SHOULD, "C", refs=[CUSTOM], needs=[no_api_variable])
def missing_api_var(world: World, run: Run) -> None:
    """Without AWS_LAMBDA_RUNTIME_API the process says so on stderr and ends within 2 s, with a status other than 0."""
    process = run.process
    lasted_ms = (process.ended_ms or float("inf")) - process.started_ms
    ended = process.status is not None and lasted_ms <= _GIVE_UP_S * 1000
    if world.check(ended, f"an end within {_GIVE_UP_S:.0f} s", f"the process {process.ending}"):
        world.check(
            (process.status or 0) > 0, "an exit status other than 0, and no signal", f"the process {process.ending}"
        )
    world.check(ENV_RUNTIME_API.encode() in process.stderr, f"{ENV_RUNTIME_API} named on stderr", process.stderr[-300:])


@BOOT.case("RT-BOOT-008", "cold-start", INFO, "X", needs=[cold_starts], depends_on=[REACHES_API])
def cold_start(world: World, run: Run) -> None:
    """How long it takes from the start of the process to the first next."""
    polls = iter(run.polls)
    times = [poll.request.began_ms - process.started_ms for process, poll in zip(run.processes, polls, strict=False)]
    if world.check(len(times) == _STARTS, f"a poll after each of {_STARTS} starts", run.story):
        world.note(f"{min(times):.0f} ms at best, {statistics.median(times):.0f} ms in the middle, of {_STARTS} starts")


def _maybe_ms(value: object) -> float | None:
    try:
        return msgspec.convert(value, float)
    except msgspec.ValidationError:
        return None

"""Which sandbox runs which invocation: real processes, and a clock that stands still."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections import Counter

import psutil
import pytest

from runtime_api.protocol.invoke.errors import ServiceFailure, TooManyRequests
from tests.runtime_api.conftest import Script
from tests.runtime_api.dispatch.living_pool import OBEDIENT, LivingPool, Open
from tests.runtime_api.runtime_scripts import INTERNAL, PIDS
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

THROTTLED = b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'


def kill_now(pid: int) -> None:
    """End a process, and return when it has ended; the loop does not turn in between."""
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([pidfd], [], [])
    os.close(pidfd)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="without pidfds an exit is only noticed by the loop")
async def test_a_runtime_that_died_idle_is_given_to_nobody(script: Script, open_pool: Open) -> None:
    """The runtime is killed while it waits, and nobody has noticed: the next caller meets a new one."""
    living = open_pool(script(PIDS))
    first = await living.pid()
    await living.idle()
    kill_now(first)
    assert await living.pid() != first


async def test_calls_one_after_the_other_meet_one_sandbox(script: Script, open_pool: Open) -> None:
    """Fifty in a row, each as soon as the last is answered: one process."""
    living = open_pool(script(PIDS))
    first = await living.pid()
    for _ in range(49):
        assert await living.pid() == first
        assert living.pids == {first}


async def test_calls_at_once_never_meet(script: Script, open_pool: Open) -> None:
    """Five at once are five processes."""
    living = open_pool(script(OBEDIENT, concurrency=5))
    calls = [living.calling("go") for _ in range(5)]
    await living.busy(5)
    living.release("go")
    pids = [int((await asyncio.wait_for(call, PATIENCE_S)).body) for call in calls]
    assert set(Counter(pids).values()) == {1}
    assert set(pids) == living.pids


async def test_a_crowd_never_meets(script: Script, open_pool: Open) -> None:
    """Eight callers with ten calls each: no sandbox ever holds two, and there are never more than eight."""
    living = open_pool(script(PIDS, concurrency=8))
    at_work: Counter[int] = Counter()

    async def caller() -> None:
        for _ in range(10):
            pid = await living.pid()
            at_work[pid] += 1
            assert len(living.pids) <= 8

    await asyncio.gather(*(caller() for _ in range(8)))
    assert sum(at_work.values()) == 80
    assert set(at_work) <= living.pids


async def test_the_last_used_is_used_next(script: Script, open_pool: Open) -> None:
    """Spare sandboxes stay spare."""
    living = open_pool(script(OBEDIENT))
    first, second = living.calling("first"), living.calling("second")
    await living.busy(2)
    living.release("second")
    await asyncio.wait_for(second, PATIENCE_S)
    await living.idle(1)
    living.release("first")
    used_last = int((await asyncio.wait_for(first, PATIENCE_S)).body)
    await living.idle(2)
    for _ in range(3):
        assert await living.pid() == used_last
        await living.idle(2)


async def test_beyond_the_concurrency_calls_are_refused(script: Script, open_pool: Open) -> None:
    """429 with its reason; a sandbox that gets free takes calls again."""
    living = open_pool(script(OBEDIENT, concurrency=2))
    calls = [living.calling("go"), living.calling("go")]
    await living.busy(2)
    with pytest.raises(TooManyRequests) as refused:
        await living.call()
    assert refused.value.body == THROTTLED
    living.release("go")
    await asyncio.gather(*calls)
    await living.idle(2)
    assert await living.pid() in living.pids


async def test_starting_sandboxes_count(script: Script, open_pool: Open) -> None:
    """A call that comes while the only sandbox starts is refused."""
    living = open_pool(script(PIDS, concurrency=1))
    first = living.calling()
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await living.call()
    await asyncio.wait_for(first, PATIENCE_S)


async def test_no_concurrency_refuses_everybody(script: Script, open_pool: Open) -> None:
    """Zero is a function that is switched off."""
    living = open_pool(script(PIDS, concurrency=0))
    with pytest.raises(TooManyRequests):
        await living.call()
    assert living.pids == set()


async def test_a_reported_error_keeps_the_sandbox(script: Script, open_pool: Open) -> None:
    """The function failed, not its process."""
    living = open_pool(script(OBEDIENT))
    first = await living.pid()
    failed = await living.call("fail")
    assert failed.is_function_error
    assert int(failed.body) == first
    assert await living.pid() == first


async def test_an_exit_replaces_the_sandbox(script: Script, open_pool: Open) -> None:
    """The next call meets a new process."""
    living = open_pool(script(OBEDIENT, concurrency=1))
    first = await living.pid()
    assert b"Runtime.ExitError" in (await living.call("exit")).body
    assert await living.pid() != first
    assert len(living.pids) == 1


async def test_a_timeout_replaces_the_sandbox(script: Script, open_pool: Open, clock: VirtualClock) -> None:
    """The next call meets a new process, also where there may be only one."""
    living = open_pool(script(OBEDIENT, concurrency=1, timeout_ms=1000))
    first = await living.pid()
    call = living.calling("never")
    await living.busy()
    clock.advance(1000)
    assert b"Sandbox.Timedout" in (await asyncio.wait_for(call, PATIENCE_S)).body
    assert await living.pid() != first


async def test_an_exit_while_idle_replaces_the_sandbox(script: Script, open_pool: Open) -> None:
    """A sandbox that ended by itself is not given to anybody."""
    living = open_pool(script(OBEDIENT))
    first = await living.pid()
    await living.idle()
    psutil.Process(first).kill()
    await until(lambda: living.pids == set())
    assert await living.pid() != first


async def test_a_caller_waits_for_a_sandbox_about_to_be_free(script: Script, open_pool: Open) -> None:
    """Between an answer and the next poll no second sandbox is started."""
    living = open_pool(script(OBEDIENT))
    first = int((await living.call("answer before go")).body)
    call = living.calling()
    await until(lambda: living.pool._waiters)
    living.release("go")
    assert int((await asyncio.wait_for(call, PATIENCE_S)).body) == first
    assert living.pids == {first}


async def test_a_call_that_waits_for_a_sandbox_that_ends_gets_another(script: Script, open_pool: Open) -> None:
    """An answer and an exit: the next caller waits for the sandbox, and not longer than it lives."""
    living = open_pool(script(OBEDIENT, concurrency=1))
    for _ in range(3):
        first = int((await living.call("answer and exit")).body)
        assert await living.pid() != first


async def test_a_sandbox_that_does_not_come_back_is_not_waited_for_long(
    script: Script, open_pool: Open, clock: VirtualClock
) -> None:
    """A tenth of a second, then another one is started."""
    living = open_pool(script(OBEDIENT, concurrency=2))
    first = int((await living.call("answer and stay")).body)
    call = living.calling()
    await until(lambda: 100.0 in clock.pending)
    clock.advance(99)
    assert living.pids == {first}
    clock.advance(1)
    assert int((await asyncio.wait_for(call, PATIENCE_S)).body) != first


async def test_a_cancelled_caller_does_not_disturb_the_sandbox(script: Script, open_pool: Open) -> None:
    """Its invocation runs to its end, and the sandbox is used again."""
    living = open_pool(script(OBEDIENT))
    first = await living.pid()
    call = living.calling("go")
    await living.busy()
    call.cancel()
    await asyncio.wait([call])
    living.release("go")
    await living.idle()
    assert await living.pid() == first
    assert living.log.count(b"END RequestId: id-2") == 1


@pytest.mark.parametrize("turns", range(8))
async def test_a_caller_cancelled_while_its_sandbox_starts(script: Script, open_pool: Open, turns: int) -> None:
    """Wherever it is cancelled, the place in the concurrency is not lost."""
    living = open_pool(script(PIDS, concurrency=1))
    call = living.calling()
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    await until(lambda: not living.pool._live or living.pool._idle)
    await living.pid()


async def test_a_caller_cancelled_while_it_waits(script: Script, open_pool: Open, clock: VirtualClock) -> None:
    """Its place in the line goes to the next, whether it had been promised a sandbox or not."""
    living = open_pool(script(OBEDIENT, concurrency=2))
    first = await living.pid()
    await living.idle()
    call = living.calling("answer and stay")
    await asyncio.wait_for(call, PATIENCE_S)
    waiting = living.calling()
    await until(lambda: living.pool._waiters)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert list(living.pool._waiters) == []
    assert 100.0 not in clock.pending
    assert first in living.pids


async def test_a_caller_cancelled_when_promised_gives_the_sandbox_back(script: Script, open_pool: Open) -> None:
    """A promise nobody takes up makes the sandbox idle again."""
    living = open_pool(script(OBEDIENT, concurrency=1))
    pid = int((await living.call("answer before go")).body)
    waiting = living.calling()
    await until(lambda: living.pool._waiters)
    living.pool._waiters[0].add_done_callback(lambda _waiter: waiting.cancel())
    living.release("go")
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await living.idle()
    assert await living.pid() == pid


async def test_closing_ends_the_busy_too(script: Script, open_pool: Open) -> None:
    """Their callers hear of it, and nothing is left."""
    living = open_pool(script(OBEDIENT))
    calls = [living.calling("never"), living.calling("never")]
    await living.busy(2)
    pids = living.pids
    await living.pool.close()
    for call in calls:
        assert b"signal: killed" in (await asyncio.wait_for(call, PATIENCE_S)).body
    # Their parent is a process of its own, which clears them in its own time.
    await until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.mark.parametrize("turns", range(5))
async def test_closing_ends_the_starting_too(script: Script, open_pool: Open, turns: int) -> None:
    """A caller whose sandbox is just starting gets an answer, and the sandbox does not outlive the pool."""
    living = open_pool(script(PIDS))
    call = living.calling()
    for _ in range(turns):
        await asyncio.sleep(0)
    await living.pool.close()
    await asyncio.wait([call], timeout=PATIENCE_S)
    assert call.done()
    assert isinstance(call.exception(), ServiceFailure) or b"signal: killed" in call.result().body
    assert living.pids == set()


async def test_nothing_is_started_after_closing(script: Script, open_pool: Open) -> None:
    """Who calls then, or waited until then, is told."""
    living = open_pool(script(OBEDIENT, concurrency=2))
    await living.call("answer and stay")
    waiting = living.calling()
    await until(lambda: living.pool._waiters)
    await living.pool.close()
    for call in (waiting, living.calling()):
        with pytest.raises(ServiceFailure, match="the platform is shutting down"):
            await asyncio.wait_for(call, PATIENCE_S)


async def test_closing_twice_is_harmless(script: Script, open_pool: Open) -> None:
    """And closing what never ran as well."""
    living = open_pool(script(PIDS))
    await living.pool.close()
    await living.pool.close()


# resets

# Fails its first init; the file says that it has done so.
SECOND_TIME = (
    """
    if not os.path.exists("tried"):
        open("tried", "w").close()
        sys.exit(1)
    """
    + PIDS
)

# Keeps a count of its own and one in a file for temporary data; hangs when it is told to.
COUNTING = """
    import tempfile
    path, count = os.path.join(tempfile.gettempdir(), "count"), 0
    api = Api()
    while True:
        request_id, body = api.next()
        count += 1
        with open(path, "a") as file:
            file.write("x")
        if body == b'"hang"':
            say("hanging")
            signal.pause()
        said = f"{count} {os.path.getsize(path)} {os.environ['AWS_LAMBDA_LOG_STREAM_NAME']}"
        api.respond(request_id, said.encode())
    """

# Has an internal extension, so that it has half a second to end, and uses all of it.
LINGERING = (
    INTERNAL
    + """
    signal.signal(signal.SIGTERM, lambda *_: say("lingering"))
    api = Api()
    while True:
        request_id, body = api.next()
        call("GET", "event/next", headers=me)
        if body == b'"hang"':
            say("hanging")
            while True:
                signal.pause()
        api.respond(request_id, str(os.getpid()).encode())
    """
)


async def hung(living: LivingPool, clock: VirtualClock) -> None:
    """Have one sandbox time out."""
    call = living.calling("hang")
    await until(lambda: b"hanging" in living.log)
    clock.advance(1000)
    assert b"Sandbox.Timedout" in (await asyncio.wait_for(call, PATIENCE_S)).body


async def test_a_failed_init_is_run_again_for_its_caller(script: Script, open_pool: Open) -> None:
    """Who waited gets an answer, and the place in the count is the same all the while."""
    living = open_pool(script(SECOND_TIME, concurrency=1))
    call = living.calling()
    await until(lambda: b"Phase: init" in living.log)
    while b"START" not in living.log:
        with pytest.raises(TooManyRequests):
            await living.call()
        await asyncio.sleep(0)
    assert int((await asyncio.wait_for(call, PATIENCE_S)).body) in living.pids
    reports = [line for line in living.log.splitlines() if line.startswith(b"INIT_REPORT")]
    assert len(reports) == 1
    assert b"Phase: init\tStatus: error\tError Type: Runtime.ExitError" in reports[0]


async def test_a_failed_init_is_run_again_without_its_caller(script: Script, open_pool: Open) -> None:
    """Who went away does not take the invocation along."""
    living = open_pool(script(SECOND_TIME, concurrency=1))
    call = living.calling()
    await until(lambda: living.pids)
    call.cancel()
    await asyncio.wait([call])
    await living.idle()
    assert living.log.count(b"START RequestId: id-1 ") == living.log.count(b"END RequestId: id-1\n") == 1


async def test_an_init_that_fails_twice_is_answered_once(script: Script, open_pool: Open) -> None:
    """Every caller gets the error; the count is free again, and the place is used for the next."""
    living = open_pool(script("sys.exit(3)", concurrency=1))
    for number in (1, 2, 3):
        assert b"exit status 3" in (await living.call()).body
        assert living.log.count(b"REPORT RequestId") == number
    # Only the first had an Init phase of its own.
    assert living.log.count(b"Phase: init\t") == 1
    assert living.log.count(b"Phase: invoke\t") == 3


async def test_temporary_files_survive_a_reset(script: Script, open_pool: Open, clock: VirtualClock) -> None:
    """The process does not; the log stream is the same."""
    living = open_pool(script(COUNTING, timeout_ms=1000))
    first = (await living.call()).body.decode().split()
    await living.idle()
    await hung(living, clock)
    again = (await living.call()).body.decode().split()
    assert (first[:2], again) == (["1", "1"], ["1", "3", first[2]])
    assert living.log.count(b"Init Duration") == 1


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="without pidfds an exit is only noticed by the loop")
async def test_a_dead_idle_sandbox_does_not_count(script: Script, open_pool: Open) -> None:
    """Its place is free for the next, noticed or not."""
    living = open_pool(script(PIDS, concurrency=1))
    first = await living.pid()
    await living.idle()
    kill_now(first)
    assert await living.pid() != first


async def test_a_place_is_waited_for(script: Script, open_pool: Open, clock: VirtualClock) -> None:
    """One caller waits until the failed sandbox has left; one who comes then gets a sandbox of its own at once."""
    living = open_pool(script(LINGERING, timeout_ms=1000))
    await hung(living, clock)
    await until(lambda: b"lingering" in living.log)
    waiting = living.calling()
    await asyncio.sleep(0)
    await living.pid()
    assert not waiting.done()
    assert environments(living) == 2
    clock.advance(500)
    assert int((await asyncio.wait_for(waiting, PATIENCE_S)).body) in living.pids


async def test_closing_while_a_place_is_waited_for(script: Script, open_pool: Open, clock: VirtualClock) -> None:
    """The caller is told, and nothing is started any more."""
    living = open_pool(script(LINGERING, timeout_ms=1000))
    await hung(living, clock)
    await until(lambda: b"lingering" in living.log)
    waiting = living.calling()
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(living.pool.close())
    await asyncio.sleep(0)
    clock.advance(500)
    await asyncio.wait_for(closing, PATIENCE_S)
    with pytest.raises(ServiceFailure, match="the platform is shutting down"):
        await asyncio.wait_for(waiting, PATIENCE_S)
    assert living.pids == set()


@pytest.mark.parametrize("turns", range(12))
async def test_closing_while_a_failed_init_is_run_again(script: Script, open_pool: Open, turns: int) -> None:
    """Wherever it comes, the caller gets an answer or is told, and nothing is left."""
    living = open_pool(script("sys.exit(1)"))
    call = living.calling()
    while b"Phase: init" not in living.log:
        await asyncio.sleep(0)
    for _ in range(turns):
        await asyncio.sleep(0)
    await living.pool.close()
    await asyncio.wait([call], timeout=PATIENCE_S)
    assert isinstance(call.exception(), ServiceFailure) or b"Runtime.ExitError" in call.result().body
    assert living.pids == set()


def environments(living: LivingPool) -> int:
    """How many execution environments there are: with a sandbox, with one that leaves, with none."""
    leaving = sum(not task.done() for task in living.pool._leaving)
    return len(living.pool._live) + leaving + len(living.pool._vacant)


async def test_a_crowd_that_crashes(script: Script, open_pool: Open) -> None:
    """Eight callers, every third call an exit: each call has one answer, and there are never more than eight environments."""
    living = open_pool(script(OBEDIENT, concurrency=8))

    async def caller(number: int) -> None:
        for turn in range(6):
            crash = (number + turn) % 3 == 0
            outcome = await living.call("exit" if crash else "")
            assert outcome.is_function_error is crash
            assert environments(living) <= 8

    await asyncio.gather(*(caller(number) for number in range(8)))
    await until(lambda: living.log.count(b"REPORT RequestId") == 48)
    starts = [line for line in living.log.splitlines() if line.startswith(b"START")]
    assert len(starts) == len(set(starts)) == 48

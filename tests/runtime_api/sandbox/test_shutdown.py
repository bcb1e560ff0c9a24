"""The Shutdown phase with real processes: who hears what, in which order, and for how long they are waited for."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from runtime_api.sandbox.sandbox import SandboxState
from tests.runtime_api.conftest import Script
from tests.runtime_api.living_sandbox import LivingSandbox, answered, is_gone
from tests.runtime_api.runtime_scripts import ECHO, INTERNAL, WATCHER, external_extension
from tests.runtime_api.sandbox.conftest import Start, StartIn
from tests.runtime_api.virtual_clock import START_MS, VirtualClock
from tests.runtime_api.waiting import until

# Says when it hears SIGTERM, and stays or leaves.
STUBBORN = """
    signal.signal(signal.SIGTERM, lambda *_: say("runtime: SIGTERM"))
    api = Api()
    api.ask()
    say("runtime: waits")
    while True:
        signal.pause()
    """
POLITE = STUBBORN.replace('say("runtime: SIGTERM")', '(say("runtime: SIGTERM"), os._exit(0))')


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """The folder that stands for /opt."""
    return tmp_path / "opt"


def stopping(living: LivingSandbox) -> asyncio.Task[None]:
    """The end of a sandbox, under way."""
    return asyncio.ensure_future(living.sandbox.stop())


async def test_without_extensions_there_is_no_phase(script: Script, start: Start) -> None:
    """The runtime hears nothing and is killed at once."""
    living = await start(script(STUBBORN))
    await living.said(b"waits")
    await living.idle()
    await living.sandbox.stop()
    assert living.lines == ["runtime: waits"]


async def test_an_extension_that_did_not_register_has_no_phase(script: Script, start_in: StartIn, opt: Path) -> None:
    """It is killed like a runtime."""
    external_extension(opt, "watcher", "signal.signal(15, lambda *_: say('never'))\nsay('here')\nsignal.pause()")
    living = await start_in(script(ECHO), opt)
    await living.said(b"here")
    await living.sandbox.stop()
    assert "never" not in living.lines


async def test_all_leave_by_themselves(script: Script, start_in: StartIn, opt: Path, clock: VirtualClock) -> None:
    """First the runtime, on SIGTERM, then the extension, on its event; no time passes."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(script(POLITE), opt)
    await living.idle()
    await living.sandbox.stop()
    assert living.lines[-2:] == ["runtime: SIGTERM", "watcher: SHUTDOWN spindown"]
    assert clock.pending == []


async def test_with_an_internal_extension_the_runtime_has_half_a_second(
    script: Script, start: Start, clock: VirtualClock
) -> None:
    """The whole of the phase, and then it is killed."""
    living = await start(script(INTERNAL + STUBBORN))
    await living.idle()
    stop = stopping(living)
    await living.said(b"SIGTERM")
    clock.advance(499)
    assert clock.pending == [1.0]
    assert not is_gone(living.pid)
    clock.advance(1)
    await stop
    assert is_gone(living.pid)


async def test_with_an_external_extension_there_are_two_seconds(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock
) -> None:
    """300 ms for the runtime, the rest for extensions that heard of the end; the deadline is that of the whole phase."""
    external_extension(opt, "watcher", "register('SHUTDOWN')\nsay(json.dumps(next_event()))\nsignal.pause()")
    external_extension(opt, "quiet", "register()\nnext_event()")
    living = await start_in(script(STUBBORN), opt)
    await living.idle()
    quiet, watcher = (living.sandbox._programs.external[name].group.pid for name in ("quiet", "watcher"))
    stop = stopping(living)
    await living.said(b"SIGTERM")
    clock.advance(299)
    await asyncio.sleep(0)
    assert not is_gone(quiet)
    clock.advance(1)
    await living.said(b"spindown")
    event = json.loads(living.lines[-1])
    assert event == {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": START_MS + 2000}
    assert clock.pending == [1700.0]
    clock.advance(1699)
    await asyncio.sleep(0)
    assert not is_gone(watcher)
    clock.advance(1)
    await stop
    assert all(is_gone(pid) for pid in (living.pid, quiet, watcher))


async def test_an_extension_at_work_hears_of_the_end_when_it_asks(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, tmp_path: Path
) -> None:
    """A timeout while both work: the runtime is told first, and the extension's next event is the last."""
    external_extension(
        opt,
        "watcher",
        """
        register("INVOKE", "SHUTDOWN")
        next_event()
        say("at work")
        wait_for("go")
        say(next_event()["shutdownReason"])
        """,
    )
    living = await start_in(script(STUBBORN.replace("api.ask()", "api.next()"), timeout_ms=1000), opt)
    call = living.calling()
    await living.said(b"at work", b"waits")
    clock.advance(1000)
    assert b"Sandbox.Timedout" in (await answered(call)).body
    await living.said(b"SIGTERM")
    clock.advance(300)
    (tmp_path / "go").touch()
    await living.ended()
    assert living.lines[-2:] == ["runtime: SIGTERM", "timeout"]


async def test_what_a_runtime_says_after_its_time(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock
) -> None:
    """Its answer is refused, and it gets no event any more, not even the same one again."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(
        script(
            """
            def late(*_):
                say("status", api.respond(request_id, b"late")[0])
                api.ask()
                say("asked")
                api.answer()
                say("never")

            signal.signal(signal.SIGTERM, late)
            api = Api()
            request_id, _ = api.next()
            say("working")
            while True:
                signal.pause()
            """,
            timeout_ms=1000,
        ),
        opt,
    )
    call = living.calling()
    await living.said(b"working", b"watcher: INVOKE")
    clock.advance(1000)
    assert b"Sandbox.Timedout" in (await answered(call)).body
    await living.said(b"asked")
    await until(lambda: living.sandbox._endpoint._polls)
    clock.advance(300)
    await living.ended()
    assert living.lines[-3:] == ["status 400", "asked", "watcher: SHUTDOWN timeout"]


async def test_a_runtime_that_becomes_ready_while_it_is_ended(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock
) -> None:
    """Its first next comes after init's time is over: nothing comes of it."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(
        script("""
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            say("slow")
            signal.sigwait([signal.SIGTERM])
            api = Api()
            api.ask()
            signal.pause()
            """),
        opt,
    )
    await living.said(b"slow")
    clock.advance(10_000)
    await until(lambda: living.sandbox._endpoint._polls)
    assert (living.sandbox.state, living.idle_count) == (SandboxState.ENDED, 0)
    clock.advance(300)
    await living.ended()
    assert living.lines[-1] == "watcher: SHUTDOWN timeout"


async def test_who_gives_up_waiting_does_not_stop_the_end(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock
) -> None:
    """A second call sees it through."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(script(STUBBORN), opt)
    await living.idle()
    stop = stopping(living)
    await living.said(b"SIGTERM")
    stop.cancel()
    await asyncio.wait([stop])
    clock.advance(300)
    await living.sandbox.stop()
    assert is_gone(living.pid)

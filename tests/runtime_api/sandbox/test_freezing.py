"""A sandbox that stands still between invocations."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from runtime_api.sandbox.sandbox import SandboxState
from tests.runtime_api.conftest import Script
from tests.runtime_api.runtime_scripts import ECHO, WATCHER, external_extension
from tests.runtime_api.sandbox.conftest import Start, StartIn
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until


def is_stopped(pid: int) -> bool:
    """Whether a process stands still."""
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


async def test_between_invocations_it_stands_still(script: Script, start: Start, clock: VirtualClock) -> None:
    """From init on, and each time it has answered; the time of an invocation is whole all the same."""
    living = await start(script(ECHO, freeze=True, timeout_ms=3000))
    for number in range(3):
        await living.idle()
        await until(lambda: is_stopped(living.pid))
        clock.advance(1_000_000)
        outcome = await living.invoke(str(number).encode())
        assert outcome.body == str(number).encode()


async def test_extensions_stand_still_as_well(script: Script, start_in: StartIn, tmp_path: Path) -> None:
    """With the runtime, and they hear of the end."""
    external_extension(tmp_path / "opt", "watcher", WATCHER)
    living = await start_in(script(ECHO, freeze=True), tmp_path / "opt")
    await living.idle()
    watcher = living.sandbox._programs.external["watcher"].group.pid
    await until(lambda: is_stopped(watcher))
    await living.sandbox.stop()
    assert "watcher: SHUTDOWN spindown" in living.lines


async def test_it_can_die_while_it_stands_still(script: Script, start: Start) -> None:
    """Killed by somebody else: it ends, and nothing waits for it to move."""
    living = await start(script(ECHO, freeze=True))
    await living.idle()
    os.kill(living.pid, 9)
    await until(lambda: living.sandbox.state is SandboxState.ENDED)
    await living.ended()


async def test_without_the_option_nothing_stops(script: Script, start: Start) -> None:
    """A process waits as processes do."""
    living = await start(script(ECHO))
    await living.invoke()
    await living.idle()
    assert not is_stopped(living.pid)

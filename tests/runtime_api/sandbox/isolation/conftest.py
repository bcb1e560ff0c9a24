"""Places on either isolation, and programs in them. What one isolation does, the other does: tests that ask for `place` run on both."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.isolation.group import ProcessGroup
from runtime_api.sandbox.isolation.isolated_place import IsolatedPlace
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.surroundings.runtimes import Launch
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

Make = Callable[..., Awaitable[IsolatedPlace]]
ISOLATIONS = ("process", "bubblewrap")
needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


class Running:
    """A program under way in a place, and what it has printed."""

    def __init__(self, group: ProcessGroup, output: Path) -> None:
        self.group = group
        self._output = output

    @property
    def printed(self) -> str:
        return self._output.read_text()

    async def says(self, text: str) -> None:
        """Wait until it has printed this."""
        await until(lambda: text in self.printed)

    async def ends(self) -> int:
        """Its return code, once it is over; nothing of it is left to wait for."""
        returncode = await asyncio.wait_for(asyncio.shield(self.group.exited), PATIENCE_S)
        await self.group.reap()
        return returncode


class Programs:
    """Starts programs, with their output in files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def start(
        self,
        place: IsolatedPlace,
        *argv: str,
        environment: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Running:
        """A program by its path."""
        self._count += 1
        output = self._folder / f"output-{self._count}"
        with output.open("wb") as file:
            group = place.start(Launch(argv), environment or {}, file.fileno(), pass_fds)
        return Running(group, output)

    def python(self, place: IsolatedPlace, source: str, **more: Any) -> Running:  # noqa: ANN401
        """Some Python."""
        return self.start(place, sys.executable, "-I", "-S", "-c", dedent(source), **more)

    async def say(self, place: IsolatedPlace, source: str, **more: Any) -> str:  # noqa: ANN401
        """What some Python prints that ends well."""
        running = self.python(place, source, **more)
        assert await running.ends() == 0, running.printed
        return running.printed.strip()


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Starts programs."""
    return Programs(tmp_path)


@pytest.fixture
async def places(clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Places]:
    """Makes places; after the test no process of ours, no descriptor and no folder is left."""
    children_before = set(psutil.Process().children())
    places = Places(clock)
    yield places
    await places.close()
    assert set(psutil.Process().children()) <= children_before
    assert places.folder is None or not places.folder.exists()


@pytest.fixture(params=[pytest.param("process"), pytest.param("bubblewrap", marks=needs_bubblewrap)])
def isolation(request: pytest.FixtureRequest) -> str:
    """Each isolation."""
    return str(request.param)


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    """A folder with a function's code."""
    folder = tmp_path / "task"
    folder.mkdir()
    return folder


@pytest.fixture
async def make(places: Places, isolation: str, task_root: Path) -> AsyncIterator[Make]:
    """Make places of a function with these members; they are closed after the test."""
    made: list[IsolatedPlace] = []

    async def make(**members: Any) -> IsolatedPlace:  # noqa: ANN401  (any member of Function)
        plain = {"name": "hello", "task_root": str(task_root), "runtime": "command", "command": (sys.executable,)}
        plain["isolation"] = isolation
        made.append(await places.make(Function(**{**plain, **members})))
        return made[-1]

    yield make
    for place in made:
        await place.close()


@pytest.fixture
async def place(make: Make) -> IsolatedPlace:
    """One place."""
    return await make()


def cgroups_of(places: Places) -> list[str]:
    """The cgroups there are for the places."""
    return [
        path
        for parent in places.cgroups.folders.values()
        for path in os.listdir(parent)
        if path.startswith(places.name)
    ]

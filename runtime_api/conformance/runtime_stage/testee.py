"""The process under test: started in a session of its own, watched, and cleared away with all it started."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from runtime_api.conformance.runner import CannotJudge
from runtime_api.conformance.runtime_stage.members import members_of
from runtime_api.conformance.runtime_stage.output import FLOOD_BYTES, OutputPipe
from runtime_api.conformance.runtime_stage.record import Process, Sample

_CLEAR_S = 5.0
_FOR_GOOD = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
    errno.ENOEXEC,
    errno.ELOOP,
    errno.EISDIR,
    errno.E2BIG,
}
_LOOK_AGAIN_S = 0.005


class CannotStart(CannotJudge):
    """The command cannot be started at all: no verdict on it is possible."""


class Testee:
    """One start of the command. `mark` is a value in its environment that nobody else has; `changed` is called when it prints or ends."""

    def __init__(self, mark: str, now_ms: Callable[[], float], changed: Callable[[], None]) -> None:
        self.record = Process()
        self._mark = mark
        self._now_ms = now_ms
        self._changed = changed
        self._pipes = (OutputPipe(changed, self._stop_flood), OutputPipe(changed, self._stop_flood))
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Start it; raises CannotStart, and OSError where it might be done another time."""
        stdout, stderr = self._pipes
        self.record.started_ms = self._now_ms()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout.write_fd,
                stderr=stderr.write_fd,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )
        except ValueError as error:
            raise CannotStart(f"{argv[0]} cannot be started: {error}") from None
        except OSError as error:
            # Anything else, such as too many open files, may be over at the next start.
            if error.errno not in _FOR_GOOD:
                raise
            raise CannotStart(f"{argv[0]} cannot be started: {_reason(error, argv[0])}") from None
        finally:
            for pipe in self._pipes:
                pipe.started()
        self.record.pid = self._process.pid
        self._watch = asyncio.get_running_loop().create_task(self._await_end(self._process))

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is stopped."""
        return self._process is not None and self.record.ended_ms is None

    def printed(self) -> int:
        """How much it has printed until now, both streams together."""
        return sum(pipe.drain() for pipe in self._pipes)

    def signal(self, number: int) -> None:
        """Send a signal to its process group; nothing once it is over."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def sample(self) -> Sample:
        """Look at the process."""
        try:
            process = psutil.Process(self.record.pid)
            rss, children = process.memory_info().rss, len(process.children(recursive=True))
            return Sample(self._now_ms(), rss, process.num_fds(), children)
        except psutil.Error:
            return Sample(self._now_ms(), -1, -1, -1)

    def members(self) -> set[int]:
        """The processes that live of what was started."""
        return members_of(self.record.pid if self.is_alive else None, self._mark)

    async def clear(self) -> None:
        """End it and everything it started, and read what it printed. Nothing of it is left afterwards."""
        if self.is_alive:
            self.record.ended_by_us = self.record.ended_by_us or "the scenario was over"
        if self._watch is not None:
            await self._kill_all()
            # What even SIGKILL does not end is not waited for.
            await asyncio.wait([self._watch], timeout=_CLEAR_S)
            self._watch.cancel()
        self._keep_output()
        for pipe in self._pipes:
            pipe.close()

    async def _kill_all(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CLEAR_S
        while members := self.members():
            self.signal(signal.SIGKILL)
            for pid in members:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_LOOK_AGAIN_S)
            if loop.time() > deadline:
                return

    async def _await_end(self, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        self.record.ended_ms = self._now_ms()
        self.record.status = None if self.record.ended_by_us else status
        self._keep_output()
        self._changed()

    def _keep_output(self) -> None:
        self.printed()
        self.record.stdout, self.record.stderr = (pipe.kept for pipe in self._pipes)

    def _stop_flood(self) -> None:
        self.record.ended_by_us = f"it printed more than {FLOOD_BYTES // 2**20} MiB"
        self.signal(signal.SIGKILL)


def _reason(error: Exception, program: str) -> str:
    # Where the program is there, what is missing is what it needs itself.
    if isinstance(error, FileNotFoundError) and os.path.exists(program):
        return "the interpreter in its first line, or its loader, is missing"
    return str(error)

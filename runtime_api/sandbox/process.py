"""Isolation `process`: plain child processes in a process group of their own.

Strategy: the runtime leads a new session, so one kill reaches all it started. What left the group on purpose still carries the name
of this sandbox's log stream, which nobody else ever has, and is found by it. The runtime's exit is noticed through a pidfd where the
system has them, else by a thread that waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable

import psutil

from runtime_api.protocol.names import ENV_LOG_STREAM_NAME
from runtime_api.sandbox.runtimes import Launch, LaunchFailed

# Too many descriptors or processes: the platform's trouble, not the runtime's.
_OUR_OWN_LIMITS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}


class ProcessGroup:
    """A started runtime and everything it starts. `exited` is done, with subprocess's return code, once the runtime has ended."""

    def __init__(self, launch: Launch, cwd: str, environment: dict[str, str], output_fd: int) -> None:
        """Start it; raises LaunchFailed."""
        try:
            self._process = subprocess.Popen(
                launch.argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output_fd,
                stderr=output_fd,
                start_new_session=True,
            )
        except OSError as error:
            if error.errno in _OUR_OWN_LIMITS:
                raise
            raise LaunchFailed(f"fork/exec {launch.argv[0]}: {(error.strerror or str(error)).lower()}") from None
        self.pid = self._process.pid
        self._mark = environment[ENV_LOG_STREAM_NAME]
        self.exited = asyncio.ensure_future(self._wait())

    def kill(self) -> None:
        """SIGKILL for the whole group. Only before `reap`: until then the group's number cannot be somebody else's."""
        # macOS says EPERM for a group of zombies
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether the runtime is gone, noticed or not."""
        if self.exited.done() or not hasattr(os, "waitid"):
            return self.exited.done()
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            # reaped already, by the thread that waits where there are no pidfds
            return True

    async def reap(self) -> None:
        """Wait for the runtime's end, clear its zombie, and kill what left the group and still belongs to the sandbox."""
        await self.exited
        self._process.wait()
        for process in psutil.process_iter():
            # not ours to look at, or gone in the meantime
            with contextlib.suppress(psutil.Error):
                if process.environ().get(ENV_LOG_STREAM_NAME) == self._mark:
                    process.kill()

    async def _wait(self) -> int:
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            return await _in_thread(self._process.wait)
        await _readable(pidfd)
        # Looked at, not reaped: the process's number stays taken until its group is killed.
        result = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  (it has ended, this does not wait)
        assert result is not None
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


async def _in_thread(wait: Callable[[], int]) -> int:
    # A thread of its own: those of the loop's executor are few, and this one is taken for as long as the runtime lives.
    loop = asyncio.get_running_loop()
    done: asyncio.Future[int] = loop.create_future()

    def run() -> None:
        returncode = wait()
        # a loop that is closed has nobody left to tell
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, done, returncode)

    threading.Thread(target=run, name="wait-for-runtime", daemon=True).start()
    return await done


def _resolve(done: asyncio.Future[int], returncode: int) -> None:
    if not done.done():
        done.set_result(returncode)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[int] = loop.create_future()
    loop.add_reader(fd, _resolve, ready, 0)
    try:
        await ready
    finally:
        loop.remove_reader(fd)
        os.close(fd)

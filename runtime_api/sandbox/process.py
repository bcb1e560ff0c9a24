"""Isolation `process`: plain child processes in a process group of their own.

Strategy: the runtime leads a new session, so one kill reaches all it started. What left the group on purpose still carries this
sandbox's AWS_LAMBDA_RUNTIME_API, an address nobody else has, and is found by it. The runtime's exit is noticed through a pidfd
where the system has them, else by a thread that waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess

import psutil

from runtime_api.protocol.names import ENV_RUNTIME_API
from runtime_api.sandbox.runtimes import Launch, LaunchFailed


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
            raise LaunchFailed(f"fork/exec {launch.argv[0]}: {(error.strerror or str(error)).lower()}") from None
        self.pid = self._process.pid
        self._address = environment[ENV_RUNTIME_API]
        self.exited = asyncio.ensure_future(self._wait())

    def kill(self) -> None:
        """SIGKILL for the whole group. Only before `reap`: until then the group's number cannot be somebody else's."""
        # macOS says EPERM for a group of zombies
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def reap(self) -> None:
        """Wait for the runtime's end, clear its zombie, and kill what left the group and still belongs to the sandbox."""
        await self.exited
        self._process.wait()
        for process in psutil.process_iter():
            # not ours to look at, or gone in the meantime
            with contextlib.suppress(psutil.Error):
                if process.environ().get(ENV_RUNTIME_API) == self._address:
                    process.kill()

    async def _wait(self) -> int:
        loop = asyncio.get_running_loop()
        if not hasattr(os, "pidfd_open"):
            return await loop.run_in_executor(None, self._process.wait)
        await _readable(os.pidfd_open(self.pid))
        # Looked at, not reaped: the process's number stays taken until its group is killed.
        result = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  (it has ended, this does not wait)
        assert result is not None
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, ready.set_result, None)
    try:
        await ready
    finally:
        loop.remove_reader(fd)
        os.close(fd)

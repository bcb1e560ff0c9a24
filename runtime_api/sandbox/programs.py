"""The programs of one sandbox: the runtime and the external extensions, each with its process group and its own output."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from runtime_api.protocol.names import ENV_LOG_FD
from runtime_api.sandbox.isolation.group import ProcessGroup
from runtime_api.sandbox.output import LineCutter, Output
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.surroundings.runtimes import Launch
from runtime_api.telemetry.events import FunctionLine
from runtime_api.telemetry.log.frames import FrameCutter


class Program:
    """One started program. `on_line` gets what it prints, `on_exit` its return code, unless `forget` was called before.

    With `on_frame` it has a descriptor for log events beside its output.
    """

    def __init__(
        self,
        place: Place,
        launch: Launch,
        environment: dict[str, str],
        on_line: Callable[[bytes], None],
        on_exit: Callable[[int], None],
        on_frame: Callable[[FunctionLine], None] | None = None,
    ) -> None:
        """Start it; raises LaunchFailed."""
        output = Output(LineCutter(on_line))
        self._outputs = [output]
        self._on_exit: Callable[[int], None] | None = on_exit
        keep: tuple[int, ...] = ()
        try:
            if on_frame is not None:
                frames = Output(FrameCutter(on_frame))
                self._outputs.append(frames)
                keep = (frames.write_fd,)
                environment = {**environment, ENV_LOG_FD: str(frames.write_fd)}
            self.group: ProcessGroup = place.start(launch, environment, output.write_fd, keep)
        except BaseException:
            self._close_outputs()
            raise
        for one in self._outputs:
            one.started()
        self._watch = asyncio.ensure_future(self._watch_exit())

    def drain(self) -> None:
        """Let everything it has written so far be read."""
        for output in self._outputs:
            output.drain()

    def forget(self) -> None:
        """Its exit is of no more interest."""
        self._on_exit = None

    async def reap(self) -> None:
        """Wait for its end and leave nothing of it; the output it wrote last is read first."""
        await self.group.reap()
        await self._watch
        self.drain()
        self._close_outputs()

    def _close_outputs(self) -> None:
        for output in self._outputs:
            output.close()

    async def _watch_exit(self) -> None:
        returncode = await asyncio.shield(self.group.exited)
        if self._on_exit is not None:
            self._on_exit(returncode)


class Programs:
    """All of one sandbox: its runtime, once that is started, and its external extensions by name."""

    def __init__(self) -> None:
        self.runtime: Program | None = None
        self.external: dict[str, Program] = {}

    def __iter__(self) -> Iterator[Program]:
        if self.runtime is not None:
            yield self.runtime
        yield from self.external.values()

    @property
    def are_running(self) -> bool:
        """Whether the runtime was started and no program has ended, noticed or not."""
        return self.runtime is not None and not any(program.group.has_ended() for program in self)

    def drain(self) -> None:
        """Let everything they have written so far be read."""
        for program in self:
            program.drain()

    def forget(self) -> None:
        """Their exits are of no more interest."""
        for program in self:
            program.forget()

    def kill(self) -> None:
        """End all of them now."""
        for program in self:
            program.group.kill()

    async def reap(self) -> None:
        """Wait for the end of each, and leave nothing of them."""
        for program in self:
            await program.reap()

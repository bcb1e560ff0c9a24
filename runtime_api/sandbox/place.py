"""A place: the durable part of an execution environment, which outlives the sandboxes that live in it one after the other.

A runtime that crashes or times out ends its sandbox; the next one is started in the same place, so that /tmp and the log stream go on.
"""

from __future__ import annotations

from typing import Protocol

from runtime_api.sandbox.isolation.group import ProcessGroup
from runtime_api.sandbox.surroundings.folders import Folders
from runtime_api.sandbox.surroundings.runtimes import Launch


class Place(Protocol):
    """What a sandbox needs of where it lives."""

    log_stream: str
    folders: Folders

    def start(
        self, launch: Launch, environment: dict[str, str], output_fd: int, pass_fds: tuple[int, ...] = ()
    ) -> ProcessGroup:
        """Start a program in a process group of its own; `pass_fds` are there under the same numbers. Raises LaunchFailed."""

    def extensions(self) -> list[str]:
        """The names of the external extensions: the executables in /opt/extensions."""

    def freeze(self) -> None:
        """Stop every process; those killed meanwhile end all the same."""

    def thaw(self) -> None:
        """Let every process go on."""

    def limit_cpu(self) -> None:
        """With `cpu_share`, from here on no more CPU than the memory buys."""

    def ran_out_of_memory(self) -> bool:
        """Whether a process of the sandbox that lives here was killed for want of memory."""

    def peak_memory_mb(self) -> int:
        """The most memory the sandbox that lives here has used, in whole MB."""

    async def close(self) -> None:
        """Leave nothing of it."""

"""What flags say of a function, before it is known where its code is."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from runtime_api.protocol.function import Function, InvalidFunction, RuntimeKind
from runtime_api.protocol.limits import FUNCTION_NAME_LIMIT, MEMORY_DEFAULT_MB, TIMEOUT_DEFAULT_MS


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One value for each flag; None where the folder decides."""

    name: str | None = None
    handler: str | None = None
    runtime: RuntimeKind | None = None
    command: tuple[str, ...] = ()
    python: str | None = None
    timeout_ms: int = TIMEOUT_DEFAULT_MS
    memory_mb: int = MEMORY_DEFAULT_MB
    environment: dict[str, str] = {}
    concurrency: int = 10

    def function(self, task_root: Path, handler: str, runtime: RuntimeKind) -> Function:
        """The function in a folder; raises InvalidFunction."""
        return Function(
            name=self.name or _name_after(task_root),
            task_root=str(task_root.resolve()),
            handler=handler,
            runtime=runtime,
            command=self.command,
            python=self.python,
            timeout_ms=self.timeout_ms,
            memory_mb=self.memory_mb,
            environment=self.environment,
            concurrency=self.concurrency,
        )


def _name_after(folder: Path) -> str:
    return re.sub(r"[^a-zA-Z0-9-_]", "-", folder.resolve().name)[:FUNCTION_NAME_LIMIT] or "function"


def read_variables(pairs: tuple[str, ...], env_file: Path | None) -> dict[str, str]:
    """`K=V` flags and the lines of a file, flags last; raises InvalidFunction that names the flag or line."""
    variables: dict[str, str] = {}
    if env_file is not None:
        for number, line in enumerate(env_file.read_text().splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                variables.update([_split(line.strip(), f"{env_file}, line {number}")])
    variables.update(_split(pair, "--env") for pair in pairs)
    return variables


def _split(pair: str, where: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals:
        raise InvalidFunction(f"{where}: {pair!r} is not of the form NAME=VALUE")
    return name, value

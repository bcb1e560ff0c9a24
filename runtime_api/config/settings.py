"""What flags or a file say of a function, before all of it is known.

Strategy: every source says what it says and leaves the rest None; sources are laid over each other (flags over a version's table over
its function's), and what nobody said is left to Function's own defaults. So no default stands in two places.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import (
    ApplicationLogLevel,
    Function,
    InitKind,
    InvalidFunction,
    IsolationKind,
    LogFormatKind,
    RecursiveLoopKind,
    RuntimeKind,
    SystemLogLevel,
    check_environment,
)
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.limits import FUNCTION_NAME_LIMIT
from runtime_api.protocol.names import VERSION_LATEST


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Members of Function by their names, each None where it is not said. `url` False says that there is none."""

    name: str | None = None
    handler: str | None = None
    runtime: RuntimeKind | None = None
    command: tuple[str, ...] | None = None
    python: str | None = None
    timeout_ms: int | None = None
    memory_mb: int | None = None
    environment: dict[str, str] | None = None
    concurrency: int | None = None
    isolation: IsolationKind | None = None
    layers: tuple[str, ...] | None = None
    tmp_mb: int | None = None
    freeze: bool | None = None
    cpu_share: bool | None = None
    init_type: InitKind | None = None
    max_concurrency: int | None = None
    tenant_isolation: bool | None = None
    log_format: LogFormatKind | None = None
    application_log_level: ApplicationLogLevel | None = None
    system_log_level: SystemLogLevel | None = None
    provisioned_concurrency: int | None = None
    url: UrlConfig | bool | None = None
    event_invoke: EventInvokeConfig | None = None
    dead_letter_target: str | None = None
    recursive_loop: RecursiveLoopKind | None = None

    def said(self) -> dict[str, Any]:
        """What is said, by the members' names."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}

    def over(self, below: Settings) -> Settings:
        """These settings, and where they say nothing, those below; environments are merged name by name."""
        merged = {**below.said(), **self.said()}
        # What is to run is said in one piece: a command and a handler's runtime rule each other out.
        if self.command:
            merged.pop("runtime", None)
        elif self.handler or self.runtime:
            merged.pop("command", None)
        if self.environment and below.environment:
            merged["environment"] = {**below.environment, **self.environment}
        return Settings(**merged)

    def function(self, task_root: Path, handler: str, runtime: RuntimeKind, version: str = VERSION_LATEST) -> Function:
        """The function in a folder; raises InvalidFunction."""
        said = self.said() | {
            "name": name_after(task_root) if self.name is None else self.name,
            "task_root": str(task_root.resolve()),
            "handler": handler,
            "runtime": runtime,
            "version": version,
            "url": self._url_of(version),
        }
        return Function(**said)

    def _url_of(self, version: str) -> UrlConfig | None:
        if isinstance(self.url, UrlConfig):
            return self.url
        # Whoever says nothing has one, where a function can have one.
        wanted = not self.tenant_isolation and version == VERSION_LATEST if self.url is None else self.url
        return UrlConfig() if wanted else None


def name_after(folder: Path) -> str:
    """The name of the function in a folder: the folder's, with hyphens for what a name cannot have."""
    return re.sub(r"[^a-zA-Z0-9-_]", "-", folder.resolve().name)[:FUNCTION_NAME_LIMIT] or "function"


def read_variables(pairs: tuple[str, ...], env_file: Path | None) -> dict[str, str]:
    """`K=V` flags and the lines of a file, flags last; raises InvalidFunction that names the flag or line."""
    variables: dict[str, str] = {}
    if env_file is not None:
        for number, line in enumerate(env_file.read_text().splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                variables.update([_split_line(line.strip(), f"{env_file}, line {number}")])
    variables.update(_split(pair, "--env") for pair in pairs)
    return variables


def _split_line(line: str, where: str) -> tuple[str, str]:
    name, value = _split(line, where)
    try:
        check_environment({name: value})
    except InvalidFunction as error:
        raise InvalidFunction(f"{where}: {error}") from None
    return name, value


def _split(pair: str, where: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals:
        raise InvalidFunction(f"{where}: {pair!r} is not of the form NAME=VALUE")
    return name, value

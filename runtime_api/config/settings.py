"""What flags say of a function, before it is known where its code is."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from runtime_api.protocol.function import (
    ApplicationLogLevel,
    Function,
    InitKind,
    InvalidFunction,
    IsolationKind,
    LogFormatKind,
    RuntimeKind,
    SystemLogLevel,
)
from runtime_api.protocol.limits import FUNCTION_NAME_LIMIT, MEMORY_DEFAULT_MB, TIMEOUT_DEFAULT_MS, TMP_DEFAULT_MB


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
    isolation: IsolationKind = "process"
    layers: tuple[str, ...] = ()
    tmp_mb: int = TMP_DEFAULT_MB
    freeze: bool = False
    cpu_share: bool = False
    init_type: InitKind = "on-demand"
    max_concurrency: int | None = None
    tenant_isolation: bool = False
    log_format: LogFormatKind = "text"
    application_log_level: ApplicationLogLevel | None = None
    system_log_level: SystemLogLevel | None = None

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
            isolation=self.isolation,
            layers=self.layers,
            tmp_mb=self.tmp_mb,
            freeze=self.freeze,
            cpu_share=self.cpu_share,
            init_type=self.init_type,
            max_concurrency=self.max_concurrency,
            tenant_isolation=self.tenant_isolation,
            log_format=self.log_format,
            application_log_level=self.application_log_level,
            system_log_level=self.system_log_level,
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

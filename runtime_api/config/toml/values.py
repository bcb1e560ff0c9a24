"""From one table of pilotlight.toml to the struct it spells, with every path taken from the file's own folder."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from runtime_api.config.document import Document, KeyPath
from runtime_api.config.settings import Settings, read_variables
from runtime_api.config.toml.tables import AliasTable, CorsTable, ServerTable, UrlTable, VersionTable
from runtime_api.protocol.asynchronous.queue_address import InvalidQueueAddress, parse_queue_address
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.url_config import Cors, UrlConfig

# Members of the structs that go by another key in the file.
KEYS: dict[str, KeyPath] = {
    "timeout_ms": ("timeout",),
    "memory_mb": ("memory",),
    "tmp_mb": ("tmp_size",),
    "task_root": ("path",),
    "maximum_event_age_ms": ("maximum_event_age",),
    "max_age_s": ("max_age",),
    "name": (),
}
_RUNTIMES = "use one of python (the key python names the interpreter) and provided, or start any other program with the key command"
_SAME_BY_NAME = (
    "handler",
    "runtime",
    "isolation",
    "freeze",
    "cpu_share",
    "init_type",
    "max_concurrency",
    "tenant_isolation",
    "log_format",
    "application_log_level",
    "system_log_level",
    "dead_letter_target",
    "provisioned_concurrency",
    "concurrency",
    "recursive_loop",
)


class Values:
    """Reads the tables of one file; each method raises InvalidFunction, with file, line and key."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def settings(self, table: VersionTable, path: KeyPath) -> Settings:
        """What a function or a version hands down to others; its URL and asynchronous invocations are its own."""
        if table.command is not None and table.runtime is not None:
            raise self._document.error((*path, "runtime"), "a command is a runtime of its own: leave runtime out")
        if table.runtime not in (None, "python", "provided"):
            raise self._document.error((*path, "runtime"), f"there is no runtime {table.runtime!r}; {_RUNTIMES}")
        return Settings(
            **said(table, *_SAME_BY_NAME),
            command=self._command(table, path),
            python=self._python(table.python, (*path, "python")),
            timeout_ms=self._timeout_ms(table, path),
            memory_mb=table.memory,
            tmp_mb=table.tmp_size,
            environment=self._environment(table, path),
            layers=tuple(self._layers(table, path)) if table.layers is not None else None,
        )

    def folder(self, name: str, path: KeyPath) -> Path:
        """A task root."""
        folder = self._beside(name, path)
        if not folder.is_dir():
            raise self._document.error(path, f"there is no folder {folder}")
        return folder

    def server(self, table: ServerTable) -> dict[str, Any]:
        """What the file says of the server, by the names of the flags."""
        values = said(table, *table.__struct_fields__)
        try:
            values |= {name: parse_queue_address(address) for name, address in said(table, "queue").items()}
        except InvalidQueueAddress as error:
            raise self._document.error(("server", "queue"), str(error)) from None
        folders = said(table, "data_dir", "log_group_dir")
        return values | {name: str(self._beside(folder, ("server", name))) for name, folder in folders.items()}

    def url(self, table: UrlTable | bool | None, path: KeyPath) -> UrlConfig | bool | None:
        """The URL of the function or alias at `path`; True for one as it comes, None where nothing is said."""
        if not isinstance(table, UrlTable):
            return table
        with self._document.at((*path, "url"), KEYS):
            members = said(table, "auth_type", "invoke_mode", "format")
            return UrlConfig(**members, cors=self._cors(table.cors, (*path, "url", "cors")))

    def event_invoke(self, owner: VersionTable | AliasTable, path: KeyPath) -> EventInvokeConfig | None:
        """What becomes of asynchronous invocations of the function, version or alias at `path`."""
        table = owner.event_invoke
        if table is None:
            return None
        members = said(table, "maximum_retry_attempts")
        if table.maximum_event_age is not None:
            members["maximum_event_age_ms"] = table.maximum_event_age * 1000
        on_success = self._destination(table.on_success, (*path, "event_invoke", "on_success"))
        on_failure = self._destination(table.on_failure, (*path, "event_invoke", "on_failure"))
        with self._document.at((*path, "event_invoke"), KEYS):
            config = EventInvokeConfig(**members, on_success=on_success, on_failure=on_failure)
        self._document.note_destinations(str(path[1]), config, (*path, "event_invoke"), KEYS)
        return config

    def _cors(self, table: CorsTable | None, path: KeyPath) -> Cors | None:
        if table is None:
            return None
        lists = ("allow_headers", "allow_methods", "allow_origins", "expose_headers")
        with self._document.at(path, KEYS):
            return Cors(**said(table, "allow_credentials", *lists), max_age_s=table.max_age)

    def _timeout_ms(self, table: VersionTable, path: KeyPath) -> int | None:
        if table.timeout is not None and not isfinite(table.timeout * 1000):
            raise self._document.error((*path, "timeout"), "expected a number of seconds")
        return round(table.timeout * 1000) if table.timeout is not None else None

    def _command(self, table: VersionTable, path: KeyPath) -> tuple[str, ...] | None:
        if table.command is None:
            return None
        try:
            words = tuple(shlex.split(table.command)) if isinstance(table.command, str) else table.command
        except ValueError as error:
            raise self._document.error((*path, "command"), str(error)) from None
        if not words or not words[0]:
            raise self._document.error((*path, "command"), "it is empty: name a program to start")
        return words

    def _python(self, name: str | None, path: KeyPath) -> str | None:
        # Without a slash it is looked up on the PATH.
        python = str(self._beside(name, path)) if name is not None and "/" in name else name
        if python is not None and shutil.which(python) is None:
            where = "" if "/" in python else " on the PATH"
            raise self._document.error(path, f"there is no interpreter {python}{where}")
        return python

    def _environment(self, table: VersionTable, path: KeyPath) -> dict[str, str] | None:
        if table.env_file is None:
            return table.environment
        file = self._beside(table.env_file, (*path, "env_file"))
        try:
            return {**read_variables((), file), **(table.environment or {})}
        except (OSError, UnicodeError) as error:
            what = f"{file} cannot be read: {getattr(error, 'strerror', None) or error}"
            raise self._document.error((*path, "env_file"), what) from None

    def _layers(self, table: VersionTable, path: KeyPath) -> Iterator[str]:
        for index, layer in enumerate(table.layers or ()):
            found = self._beside(layer, (*path, "layers", index))
            if not found.exists():
                raise self._document.error((*path, "layers", index), f"there is no {found}")
            yield str(found.resolve())

    def _destination(self, address: str | None, path: KeyPath) -> str | None:
        # A path is taken from the file's folder, not from where the command is started.
        name = (address or "").removeprefix("file:").removeprefix("//")
        if not name or not str(address).startswith(("file:", ".", "/")):
            return address
        return f"file:{self._beside(name, path).resolve()}"

    def _beside(self, name: str, path: KeyPath) -> Path:
        if "\0" in name:
            raise self._document.error(path, f"the path {name!r} contains a NUL character")
        return self._document.file.parent / name


def said(table: msgspec.Struct, *names: str) -> dict[str, Any]:
    """Those of a table's keys that it has."""
    return {name: value for name in names if (value := getattr(table, name, None)) is not None}

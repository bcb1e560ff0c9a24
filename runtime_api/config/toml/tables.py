"""The tables of pilotlight.toml: the flags' words without their dashes. What a table leaves out is None."""

from __future__ import annotations

from typing import Annotated

import msgspec

from runtime_api.protocol.function.function import (
    ApplicationLogLevel,
    InitKind,
    IsolationKind,
    LogFormatKind,
    RecursiveLoopKind,
    SystemLogLevel,
)
from runtime_api.protocol.function.url_config import AuthType, InvokeMode, UrlFormat


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that knows each of its keys."""


class CorsTable(_Table, frozen=True, kw_only=True):
    """`cors` of a URL; `max_age` in seconds."""

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age: int | None = None


class UrlTable(_Table, frozen=True, kw_only=True):
    """`url` of a function or an alias."""

    auth_type: AuthType | None = None
    invoke_mode: InvokeMode | None = None
    format: UrlFormat | None = None
    cors: CorsTable | None = None


class EventInvokeTable(_Table, frozen=True, kw_only=True):
    """`event_invoke` of a function, a version or an alias; `maximum_event_age` in seconds."""

    maximum_retry_attempts: int | None = None
    maximum_event_age: int | None = None
    on_success: str | None = None
    on_failure: str | None = None


class VersionTable(_Table, frozen=True, kw_only=True):
    """What a version may say otherwise than its function. Paths are relative to the file; `timeout` in seconds, sizes in MB."""

    path: str | None = None
    handler: str | None = None
    runtime: str | None = None
    command: str | tuple[str, ...] | None = None
    python: str | None = None
    timeout: float | None = None
    memory: int | None = None
    environment: dict[str, str] | None = None
    env_file: str | None = None
    layers: tuple[str, ...] | None = None
    isolation: IsolationKind | None = None
    tmp_size: int | None = None
    freeze: bool | None = None
    cpu_share: bool | None = None
    init_type: InitKind | None = None
    max_concurrency: int | None = None
    tenant_isolation: bool | None = None
    log_format: LogFormatKind | None = None
    application_log_level: ApplicationLogLevel | None = None
    system_log_level: SystemLogLevel | None = None
    provisioned_concurrency: int | None = None
    event_invoke: EventInvokeTable | None = None
    dead_letter_target: str | None = None


class FunctionTable(VersionTable, frozen=True, kw_only=True):
    """A function, which is its version $LATEST, and what is said of all its versions together."""

    concurrency: int | None = None
    recursive_loop: RecursiveLoopKind | None = None
    url: UrlTable | bool | None = None
    versions: dict[str, object] = {}
    aliases: dict[str, object] = {}


class AliasTable(_Table, frozen=True, kw_only=True):
    """An alias."""

    version: str | int
    additional_weights: dict[str, float] = {}
    provisioned_concurrency: int | None = None
    url: UrlTable | bool | None = None
    event_invoke: EventInvokeTable | None = None


class ServerTable(_Table, frozen=True, kw_only=True):
    """What `serve` takes as flags, and the account whose functions these are.

    Folders are relative to the file; `idle_timeout` and `drain_timeout` in seconds.
    """

    host: str | None = None
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+$")] | None = None
    account_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$")] | None = None
    account_concurrency: Annotated[int, msgspec.Meta(ge=1)] | None = None
    rate_limits: bool | None = None
    idle_timeout: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    throttle_streams: bool | None = None
    data_dir: str | None = None
    queue: str | None = None
    drain_timeout: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    time_scale: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    aws_endpoint_url: str | None = None
    log_group_dir: str | None = None
    xray_daemon: str | None = None


class File(_Table, frozen=True, kw_only=True):
    """The whole file. Functions are read one by one."""

    server: ServerTable = ServerTable()
    functions: dict[str, object] = {}

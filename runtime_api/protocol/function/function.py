"""One function's configuration, checked when it is made.

Ranges and naming rules: the Developer Guide's pages configuration-timeout, configuration-memory and configuration-envvars.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

from runtime_api.protocol import limits, names
from runtime_api.protocol.phases import InitializationType

RuntimeKind = Literal["python", "provided", "command"]
IsolationKind = Literal["process", "bubblewrap"]
LogFormatKind = Literal["text", "json"]
ApplicationLogLevel = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
SystemLogLevel = Literal["DEBUG", "INFO", "WARN"]
InitKind = Literal["on-demand", "provisioned-concurrency", "snap-start"]

_NAME = re.compile(rf"[a-zA-Z0-9-_]{{1,{limits.FUNCTION_NAME_LIMIT}}}")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_CREDENTIALS = {names.ENV_ACCESS_KEY_ID, names.ENV_SECRET_ACCESS_KEY, names.ENV_SESSION_TOKEN}
RESERVED_VARIABLES = {
    names.ENV_HANDLER,
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    names.ENV_LOG_STREAM_NAME,
    "AWS_ACCESS_KEY",
    names.ENV_RUNTIME_API,
    names.ENV_TASK_ROOT,
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
}


class InvalidFunction(ValueError):
    """A function's configuration cannot be used; the message says which member is wrong and what it may be."""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function.

    `task_root` is the absolute folder of its code. `runtime` says what answers in a sandbox: `python` (Pilotlight's bootstrap on
    the interpreter `python`, or on the one that runs the platform), `provided` (the executable `bootstrap` in the task root) or
    `command` (the program `command`, started in the task root). `concurrency` is how many sandboxes may run at once.
    `environment` adds to the documented variables; the three AWS credentials may be given there too. `isolation` says how sandboxes are
    kept apart, `layers` are zips and folders merged into /opt in their order, `tmp_mb` is the size of /tmp. With `freeze`, processes stand
    still between invocations; with `cpu_share`, they have the CPU their memory buys, once init is over. `init_type` is what
    sandboxes are initialised for. With `max_concurrency`, one sandbox takes so many invocations at once, as on Lambda Managed Instances.
    With `tenant_isolation`, each call names a tenant, and sandboxes are never shared between tenants. `log_format` is that of the log; as
    JSON it leaves out what is below a level: lines of the function by `application_log_level`, the platform's by `system_log_level`.

    Raises InvalidFunction.
    """

    name: str
    task_root: str
    handler: str = ""
    runtime: RuntimeKind = "python"
    command: tuple[str, ...] = ()
    python: str | None = None
    timeout_ms: int = limits.TIMEOUT_DEFAULT_MS
    memory_mb: int = limits.MEMORY_DEFAULT_MB
    environment: dict[str, str] = {}
    concurrency: int = 10
    isolation: IsolationKind = "process"
    layers: tuple[str, ...] = ()
    tmp_mb: int = limits.TMP_DEFAULT_MB
    freeze: bool = False
    cpu_share: bool = False
    init_type: InitKind = "on-demand"
    max_concurrency: int | None = None
    tenant_isolation: bool = False
    log_format: LogFormatKind = "text"
    application_log_level: ApplicationLogLevel | None = None
    system_log_level: SystemLogLevel | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidFunction(f"function name {self.name!r}: use 1 to 64 letters, digits, '-' and '_'")
        self._check_runtime()
        _check_range("timeout", self.timeout_ms, limits.TIMEOUT_MIN_MS, limits.TIMEOUT_MAX_MS, "ms")
        _check_range("memory", self.memory_mb, limits.MEMORY_MIN_MB, limits.MEMORY_MAX_MB, "MB")
        _check_range("size of /tmp", self.tmp_mb, limits.TMP_MIN_MB, limits.TMP_MAX_MB, "MB")
        self._check_isolation()
        self._check_initialization()
        self._check_logs()
        if self.concurrency < 0:
            raise InvalidFunction(f"concurrency {self.concurrency}: it cannot be negative (0 refuses every call)")
        check_environment(self.environment)

    @property
    def initialization_type(self) -> InitializationType:
        """By the name the environment and telemetry have for it."""
        if self.max_concurrency is not None:
            return InitializationType.MANAGED_INSTANCES
        return InitializationType(self.init_type)

    @property
    def json_logs(self) -> bool:
        """Whether its log is JSON; lines of several invocations at once can only be told apart as JSON."""
        return self.log_format == "json" or self.max_concurrency is not None

    def _check_runtime(self) -> None:
        if any("\0" in text for text in (self.handler, self.task_root, self.python or "", *self.command)):
            raise InvalidFunction(f"function {self.name}: no path, handler or command can contain a NUL character")
        if self.runtime not in get_args(RuntimeKind):
            raise InvalidFunction(f"runtime {self.runtime!r}: use one of {', '.join(get_args(RuntimeKind))}")
        if self.runtime == "python" and not self.handler:
            raise InvalidFunction(f"function {self.name}: the python runtime needs a handler, such as app.handler")
        if (self.runtime == "command") != bool(self.command):
            raise InvalidFunction(f"function {self.name}: a command goes with the command runtime, and with no other")

    def _check_isolation(self) -> None:
        if self.isolation not in get_args(IsolationKind):
            raise InvalidFunction(f"isolation {self.isolation!r}: use one of {', '.join(get_args(IsolationKind))}")
        if any("\0" in layer for layer in self.layers):
            raise InvalidFunction(f"function {self.name}: no path of a layer can contain a NUL character")
        if len(self.layers) > limits.LAYERS_LIMIT:
            raise InvalidFunction(
                f"{len(self.layers)} layers: Cannot reference more than {limits.LAYERS_LIMIT} layers."
            )
        twice = next((layer for layer in self.layers if self.layers.count(layer) > 1), None)
        if twice is not None:
            raise InvalidFunction(f"layer {twice}: it is given twice; name each layer once")

    def _check_initialization(self) -> None:
        if self.init_type not in get_args(InitKind):
            raise InvalidFunction(f"init type {self.init_type!r}: use one of {', '.join(get_args(InitKind))}")
        if self.max_concurrency is not None:
            _check_range("max concurrency", self.max_concurrency, 1, limits.MAX_CONCURRENCY_LIMIT, "invocations")
            if self.freeze:
                raise InvalidFunction(f"function {self.name}: sandboxes with a max concurrency are never frozen")
        if self.init_type == "snap-start" and self.tmp_mb > limits.TMP_DEFAULT_MB:
            raise InvalidFunction(f"size of /tmp {self.tmp_mb} MB: with SnapStart it is {limits.TMP_DEFAULT_MB} MB")
        chosen = {
            f"init type {self.init_type}": self.init_type != "on-demand",
            "max concurrency": self.max_concurrency is not None,
            "tenant isolation": self.tenant_isolation,
        }
        together = [name for name, is_chosen in chosen.items() if is_chosen]
        if len(together) > 1:
            raise InvalidFunction(f"function {self.name}: {' and '.join(together)} do not go together; choose one")

    def _check_logs(self) -> None:
        for what, value, kind in (
            ("log format", self.log_format, LogFormatKind),
            ("application log level", self.application_log_level, ApplicationLogLevel),
            ("system log level", self.system_log_level, SystemLogLevel),
        ):
            if value is not None and value not in get_args(kind):
                raise InvalidFunction(f"{what} {value!r}: use one of {', '.join(get_args(kind))}")
        if not self.json_logs and (self.application_log_level or self.system_log_level):
            raise InvalidFunction(f"function {self.name}: log levels go with the log format json, and with no other")


def _check_range(what: str, value: int, low: int, high: int, unit: str) -> None:
    if not low <= value <= high:
        raise InvalidFunction(f"{what} {value} {unit}: it must be between {low} and {high} {unit}")


def check_environment(environment: dict[str, str]) -> None:
    """Refuse names Lambda keeps for itself, names it does not allow, and more than 4 KB; raises InvalidFunction."""
    for name, value in environment.items():
        if name in RESERVED_VARIABLES:
            raise InvalidFunction(f"environment variable {name}: Lambda sets this one itself, it cannot be changed")
        if not _VARIABLE.fullmatch(name):
            raise InvalidFunction(
                f"environment variable {name!r}: use a letter, and then one or more letters, digits and '_'"
            )
        if "\0" in value:
            raise InvalidFunction(f"environment variable {name}: the value contains a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidFunction(f"environment variable {name}: the value is not valid Unicode")
    own = {name: value for name, value in environment.items() if name not in _CREDENTIALS}
    size = len(msgspec.json.encode(own))
    if size > limits.ENVIRONMENT_LIMIT_BYTES:
        raise InvalidFunction(f"environment: {size} bytes as JSON, Lambda allows {limits.ENVIRONMENT_LIMIT_BYTES}")

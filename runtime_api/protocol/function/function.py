"""One function's configuration, checked when it is made.

Ranges and naming rules: the Developer Guide's pages configuration-timeout, configuration-memory and configuration-envvars.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

from runtime_api.protocol import limits, names
from runtime_api.protocol.destinations.targets import parse_dead_letter_target
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.invalid_function import InvalidFunction as InvalidFunction
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.phases import InitializationType

RuntimeKind = Literal["python", "provided", "command"]
IsolationKind = Literal["process", "bubblewrap"]
LogFormatKind = Literal["text", "json"]
ApplicationLogLevel = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
SystemLogLevel = Literal["DEBUG", "INFO", "WARN"]
RecursiveLoopKind = Literal["Terminate", "Allow"]
InitKind = Literal["on-demand", "provisioned-concurrency", "snap-start"]

_NAME = re.compile(rf"[a-zA-Z0-9-_]{{1,{limits.FUNCTION_NAME_LIMIT}}}")
_VERSION = re.compile(r"\$LATEST|[1-9][0-9]*")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_CREDENTIALS = {names.ENV_ACCESS_KEY_ID, names.ENV_SECRET_ACCESS_KEY, names.ENV_SESSION_TOKEN}
RESERVED_VARIABLES = {
    names.ENV_HANDLER,
    names.ENV_TRACE_ID,
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    names.ENV_INITIALIZATION_TYPE,
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


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function.

    `task_root` is the absolute folder of its code. `runtime` says what answers in a sandbox: `python` (Pilotlight's bootstrap on
    the interpreter `python`, or on the one that runs the platform), `provided` (the executable `bootstrap` in the task root) or
    `command` (the program `command`, started in the task root). `concurrency` is what is reserved for all versions together (0
    refuses every call), `provisioned_concurrency` how many sandboxes of this version are kept ready. `url` is how it is reached by a
    URL of its own, `event_invoke` what becomes of asynchronous invocations, and `dead_letter_target` where those that failed go.
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
    concurrency: int | None = None
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
    version: str = names.VERSION_LATEST
    provisioned_concurrency: int = 0
    url: UrlConfig | None = None
    event_invoke: EventInvokeConfig | None = None
    dead_letter_target: str | None = None
    recursive_loop: RecursiveLoopKind = "Terminate"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidFunction(f"function name {self.name!r}: use 1 to 64 letters, digits, '-' and '_'", "name")
        check_version(self.version)
        self._check_runtime()
        self._check_range("timeout", "timeout_ms", limits.TIMEOUT_MIN_MS, limits.TIMEOUT_MAX_MS, "ms")
        self._check_range("memory", "memory_mb", limits.MEMORY_MIN_MB, limits.MEMORY_MAX_MB, "MB")
        self._check_range("size of /tmp", "tmp_mb", limits.TMP_MIN_MB, limits.TMP_MAX_MB, "MB")
        self._check_isolation()
        self._check_initialization()
        self._check_logs()
        self._check_concurrency()
        self._check_callers()
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

    def _check_range(self, what: str, member: str, low: int, high: int, unit: str) -> None:
        value = getattr(self, member)
        if not low <= value <= high:
            raise InvalidFunction(f"{what} {value} {unit}: it must be between {low} and {high} {unit}", member)

    def _check_choice(self, what: str, member: str, kind: object) -> None:
        value = getattr(self, member)
        if value is not None and value not in get_args(kind):
            raise InvalidFunction(f"{what} {value!r}: use one of {', '.join(get_args(kind))}", member)

    def _check_runtime(self) -> None:
        if any("\0" in text for text in (self.handler, self.task_root, self.python or "", *self.command)):
            raise InvalidFunction(f"function {self.name}: no path, handler or command can contain a NUL character")
        self._check_choice("runtime", "runtime", RuntimeKind)
        if self.runtime == "python" and not self.handler:
            raise InvalidFunction(
                f"function {self.name}: the python runtime needs a handler, such as app.handler", "handler"
            )
        if (self.runtime == "command") != bool(self.command):
            raise InvalidFunction(
                f"function {self.name}: a command goes with the command runtime, and with no other", "command"
            )

    def _check_isolation(self) -> None:
        self._check_choice("isolation", "isolation", IsolationKind)
        if any("\0" in layer for layer in self.layers):
            raise InvalidFunction(f"function {self.name}: no path of a layer can contain a NUL character", "layers")
        if len(self.layers) > limits.LAYERS_LIMIT:
            raise InvalidFunction(
                f"{len(self.layers)} layers: Cannot reference more than {limits.LAYERS_LIMIT} layers.", "layers"
            )
        twice = next((layer for layer in self.layers if self.layers.count(layer) > 1), None)
        if twice is not None:
            raise InvalidFunction(f"layer {twice}: it is given twice; name each layer once", "layers")

    def _check_initialization(self) -> None:
        self._check_choice("init type", "init_type", InitKind)
        if self.max_concurrency is not None:
            self._check_range("max concurrency", "max_concurrency", 1, limits.MAX_CONCURRENCY_LIMIT, "invocations")
            if self.freeze:
                raise InvalidFunction(
                    f"function {self.name}: sandboxes with a max concurrency are never frozen", "freeze"
                )
        if self.init_type == "snap-start" and self.tmp_mb > limits.TMP_DEFAULT_MB:
            raise InvalidFunction(
                f"size of /tmp {self.tmp_mb} MB: with SnapStart it is {limits.TMP_DEFAULT_MB} MB", "tmp_mb"
            )
        chosen = {
            f"init type {self.init_type}": self.init_type != "on-demand",
            "max concurrency": self.max_concurrency is not None,
            "tenant isolation": self.tenant_isolation,
            "provisioned concurrency": self.provisioned_concurrency > 0 and self.init_type != "provisioned-concurrency",
        }
        together = [name for name, is_chosen in chosen.items() if is_chosen]
        if len(together) > 1:
            raise InvalidFunction(f"function {self.name}: {' and '.join(together)} do not go together; choose one")

    def _check_concurrency(self) -> None:
        if self.concurrency is not None and self.concurrency < 0:
            raise InvalidFunction(
                f"concurrency {self.concurrency}: it cannot be negative (0 refuses every call)", "concurrency"
            )
        if self.provisioned_concurrency < 0:
            raise InvalidFunction(
                f"provisioned concurrency {self.provisioned_concurrency}: it cannot be negative",
                "provisioned_concurrency",
            )
        if self.provisioned_concurrency and self.version == names.VERSION_LATEST:
            raise InvalidFunction(
                f"function {self.name}: provisioned concurrency goes with a version or an alias, not with $LATEST",
                "provisioned_concurrency",
            )

    def _check_callers(self) -> None:
        if self.url is not None and self.tenant_isolation:
            raise InvalidFunction(f"function {self.name}: tenant isolation and a URL do not go together", "url")
        if self.url is not None and self.version != names.VERSION_LATEST:
            raise InvalidFunction(
                f"function {self.name}: $LATEST and aliases have URLs, version {self.version} cannot", "url"
            )
        if self.dead_letter_target is not None:
            self._check_dead_letter_target(self.dead_letter_target)
        self._check_choice("recursive loop", "recursive_loop", RecursiveLoopKind)

    def _check_dead_letter_target(self, target: str) -> None:
        try:
            parse_dead_letter_target(target)
        except InvalidFunction as error:
            raise InvalidFunction(str(error), "dead_letter_target") from None

    def _check_logs(self) -> None:
        self._check_choice("log format", "log_format", LogFormatKind)
        self._check_choice("application log level", "application_log_level", ApplicationLogLevel)
        self._check_choice("system log level", "system_log_level", SystemLogLevel)
        if not self.json_logs and (self.application_log_level or self.system_log_level):
            raise InvalidFunction(
                f"function {self.name}: log levels go with the log format json, and with no other", "log_format"
            )


def check_version(version: str, member: str = "version") -> None:
    """Refuse what no version of a function is called; raises InvalidFunction."""
    if not _VERSION.fullmatch(version):
        raise InvalidFunction(f"version {version!r}: use $LATEST, or a number from 1 on", member)


def check_environment(environment: dict[str, str]) -> None:
    """Refuse names Lambda keeps for itself, names it does not allow, and more than 4 KB; raises InvalidFunction."""
    for name, value in environment.items():
        wrong = _wrong_variable(name, value)
        if wrong:
            raise InvalidFunction(f"environment variable {wrong}", f"environment.{name}")
    own = {name: value for name, value in environment.items() if name not in _CREDENTIALS}
    size = len(msgspec.json.encode(own))
    if size > limits.ENVIRONMENT_LIMIT_BYTES:
        raise InvalidFunction(
            f"environment: {size} bytes as JSON, Lambda allows {limits.ENVIRONMENT_LIMIT_BYTES}", "environment"
        )


def _wrong_variable(name: str, value: str) -> str | None:
    if name in RESERVED_VARIABLES:
        return f"{name}: Lambda sets this one itself, it cannot be changed"
    if not _VARIABLE.fullmatch(name):
        return f"{name!r}: use a letter, and then one or more letters, digits and '_'"
    if "\0" in value:
        return f"{name}: the value contains a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return f"{name}: the value is not valid Unicode"
    return None

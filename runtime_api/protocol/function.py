"""One function's configuration, checked when it is made.

Ranges and naming rules: the Developer Guide's pages configuration-timeout, configuration-memory and configuration-envvars.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

from runtime_api.protocol import limits, names

RuntimeKind = Literal["python", "provided", "command"]

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
    `environment` adds to the documented variables; the three AWS credentials may be given there too.

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

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidFunction(f"function name {self.name!r}: use 1 to 64 letters, digits, '-' and '_'")
        self._check_runtime()
        _check_range("timeout", self.timeout_ms, limits.TIMEOUT_MIN_MS, limits.TIMEOUT_MAX_MS, "ms")
        _check_range("memory", self.memory_mb, limits.MEMORY_MIN_MB, limits.MEMORY_MAX_MB, "MB")
        if self.concurrency < 0:
            raise InvalidFunction(f"concurrency {self.concurrency}: it cannot be negative (0 refuses every call)")
        check_environment(self.environment)

    def _check_runtime(self) -> None:
        if any("\0" in text for text in (self.handler, self.task_root, self.python or "", *self.command)):
            raise InvalidFunction(f"function {self.name}: no path, handler or command can contain a NUL character")
        if self.runtime not in get_args(RuntimeKind):
            raise InvalidFunction(f"runtime {self.runtime!r}: use one of {', '.join(get_args(RuntimeKind))}")
        if self.runtime == "python" and not self.handler:
            raise InvalidFunction(f"function {self.name}: the python runtime needs a handler, such as app.handler")
        if (self.runtime == "command") != bool(self.command):
            raise InvalidFunction(f"function {self.name}: a command goes with the command runtime, and with no other")


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

"""The environment variables of a sandbox: those Lambda documents, the function's own, and nothing of the platform's.

Source: the Developer Guide's configuration-envvars page and the variables seen in the real service.
"""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import uuid4

import msgspec

from runtime_api.protocol import names
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.function.log_levels import LogFormat, LogLevel
from runtime_api.protocol.phases import InitializationType
from runtime_api.sandbox.surroundings.folders import OPT, Folders

# SDKs refuse to start without credentials, and empty ones break them: these are well formed and open nothing.
_PLACEHOLDER_CREDENTIALS = {
    names.ENV_ACCESS_KEY_ID: "ASIAPILOTLIGHTLOCAL0",
    names.ENV_SECRET_ACCESS_KEY: "pilotlight/local/placeholder/secret/key0",
    names.ENV_SESSION_TOKEN: "pilotlight-local-placeholder-session-token",
}
# What leads SDKs to credentials of another kind: they look at keys first, so placeholders would hide those.
_ELSEWHERE = {
    names.ENV_CREDENTIALS_URI,
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_PROFILE",
}
CREDENTIALS_PATH = "/2021-04-23/credentials"
# Where daemons listen; nobody has to.
XRAY_DAEMON = "127.0.0.1:2000"


class Tokens(msgspec.Struct, frozen=True):
    """What the sandbox shows at endpoints of its own; nobody else knows it."""

    metadata: str
    credentials: str


def new_tokens() -> Tokens:
    """Tokens nobody has seen."""
    return Tokens(str(uuid4()), str(uuid4()))


def log_stream_name(now_ms: float, version: str = names.VERSION_LATEST) -> str:
    """A fresh log stream's name: `YYYY/MM/DD/[version]` and 32 hexadecimal digits."""
    day = datetime.fromtimestamp(now_ms / 1000, timezone.utc).strftime("%Y/%m/%d")
    return f"{day}/[{version}]{uuid4().hex}"


class Surroundings(msgspec.Struct, frozen=True):
    """What differs from one sandbox of a function to the next.

    `runtime_api` and `xray_daemon` are `host:port`; `execution_env` is None for OS-only runtimes, which have none.
    """

    runtime_api: str
    log_stream: str
    execution_env: str | None
    folders: Folders
    tokens: Tokens
    xray_daemon: str = XRAY_DAEMON


def sandbox_environment(function: Function, account: Account, around: Surroundings) -> dict[str, str]:
    """All variables of one sandbox."""
    made = {
        **_of_the_function(function, account),
        **_of_the_endpoints(around),
        **_of_the_folders(around.folders, around.execution_env),
        **_of_the_log(function, around.log_stream),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **_credentials(function),
        **function.environment,
    }
    is_in_snapshot = function.initialization_type is InitializationType.SNAP_START
    return _without_secrets(made, around) if is_in_snapshot else made


def _of_the_function(function: Function, account: Account) -> dict[str, str]:
    found = {
        names.ENV_HANDLER: function.handler,
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        names.ENV_INITIALIZATION_TYPE: function.initialization_type.value,
    }
    if function.max_concurrency is not None:
        found[names.ENV_MAX_CONCURRENCY] = str(function.max_concurrency)
    return found


def _of_the_endpoints(around: Surroundings) -> dict[str, str]:
    xray_host, _, xray_port = around.xray_daemon.rpartition(":")
    return {
        names.ENV_RUNTIME_API: around.runtime_api,
        names.ENV_METADATA_API: around.runtime_api,
        names.ENV_METADATA_TOKEN: around.tokens.metadata,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": around.xray_daemon,
        "_AWS_XRAY_DAEMON_ADDRESS": xray_host.strip("[]"),
        "_AWS_XRAY_DAEMON_PORT": xray_port,
    }


def _of_the_folders(folders: Folders, execution_env: str | None) -> dict[str, str]:
    root, opt = folders.task_root, folders.opt
    found = {
        names.ENV_TASK_ROOT: root,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "PATH": f"/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:{opt}/bin",
        # The system's own folders are left out: here they would come before what a foreign interpreter was built with.
        "LD_LIBRARY_PATH": f"{root}:{root}/lib:{opt}/lib",
    }
    if execution_env is not None:
        found["AWS_EXECUTION_ENV"] = execution_env
    return {**found, **_stand_ins(folders, execution_env)}


def _of_the_log(function: Function, log_stream: str) -> dict[str, str]:
    found = {
        names.ENV_LOG_GROUP_NAME: f"/aws/lambda/{function.name}",
        names.ENV_LOG_STREAM_NAME: log_stream,
    }
    if function.json_logs:
        found[names.ENV_LOG_FORMAT] = LogFormat.JSON.value
        found[names.ENV_LOG_LEVEL] = function.application_log_level or LogLevel.INFO.name
    return found


def _without_secrets(environment: dict[str, str], around: Surroundings) -> dict[str, str]:
    """What may be in a snapshot: neither credentials nor the log stream of one sandbox."""
    left = {name: value for name, value in environment.items() if name not in _NOT_IN_SNAPSHOT}
    if names.ENV_ACCESS_KEY_ID in environment:
        left[names.ENV_CREDENTIALS_URI] = f"http://{around.runtime_api}{CREDENTIALS_PATH}"
        left[names.ENV_CREDENTIALS_TOKEN] = around.tokens.credentials
    return left


_NOT_IN_SNAPSHOT = {*_PLACEHOLDER_CREDENTIALS, names.ENV_LOG_GROUP_NAME, names.ENV_LOG_STREAM_NAME}


# What external extensions do not get: the Developer Guide's runtimes-extensions-api page.
_RUNTIME_ONLY = {
    "AWS_EXECUTION_ENV",
    names.ENV_LOG_GROUP_NAME,
    names.ENV_LOG_STREAM_NAME,
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    names.ENV_TASK_ROOT,
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    names.ENV_HANDLER,
}


def extension_environment(environment: dict[str, str]) -> dict[str, str]:
    """What external extensions get of the sandbox's variables."""
    return {name: value for name, value in environment.items() if name not in _RUNTIME_ONLY}


def _stand_ins(folders: Folders, execution_env: str | None) -> dict[str, str]:
    """What leads to folders that are not where the service has them: TMPDIR for /tmp, PYTHONPATH for /opt/python.

    A Python path of the sandbox's own is taken over as it is: files ending in .pth in such layers are not run.
    """
    found = {} if folders.tmp is None else {"TMPDIR": folders.tmp}
    if folders.layers is not None and folders.opt != OPT:
        version = (execution_env or "").rpartition("_python")[2]
        packages = [f"{folders.opt}/python/lib/python{version}/site-packages"] if version else []
        found["PYTHONPATH"] = ":".join([*packages, f"{folders.opt}/python"])
    return found


def credentials_of(function: Function) -> dict[str, str]:
    """The credentials of its sandboxes, by the names of their variables."""
    given = {name: value for name, value in function.environment.items() if name in _PLACEHOLDER_CREDENTIALS}
    return {**_credentials(function), **given}


def _credentials(function: Function) -> dict[str, str]:
    # Given ones are not mixed with placeholders: no service would accept a key with another's token.
    given = (_PLACEHOLDER_CREDENTIALS.keys() | _ELSEWHERE) & function.environment.keys()
    return {} if given else _PLACEHOLDER_CREDENTIALS

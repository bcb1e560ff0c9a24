"""The environment variables of a sandbox: those Lambda documents, the function's own, and nothing of the platform's.

Source: the Developer Guide's configuration-envvars page and the variables seen in the real service.
"""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import uuid4

from runtime_api.protocol import names
from runtime_api.protocol.function import Function
from runtime_api.protocol.function_name import Account

# SDKs refuse to start without credentials, and empty ones break them: these are well formed and open nothing.
_PLACEHOLDER_CREDENTIALS = {
    names.ENV_ACCESS_KEY_ID: "ASIAPILOTLIGHTLOCAL0",
    names.ENV_SECRET_ACCESS_KEY: "pilotlight/local/placeholder/secret/key0",
    names.ENV_SESSION_TOKEN: "pilotlight-local-placeholder-session-token",
}
_XRAY_HOST, _XRAY_PORT = "127.0.0.1", "2000"


def log_stream_name(now_ms: float) -> str:
    """A fresh log stream's name: `YYYY/MM/DD/[version]` and 32 hexadecimal digits."""
    day = datetime.fromtimestamp(now_ms / 1000, timezone.utc).strftime("%Y/%m/%d")
    return f"{day}/[{names.VERSION_LATEST}]{uuid4().hex}"


def sandbox_environment(
    function: Function, account: Account, runtime_api: str, log_stream: str, execution_env: str | None
) -> dict[str, str]:
    """All variables of one sandbox; `runtime_api` is `host:port`, `execution_env` None for OS-only runtimes, which have none."""
    root = function.task_root
    documented = {
        names.ENV_HANDLER: function.handler,
        names.ENV_RUNTIME_API: runtime_api,
        names.ENV_TASK_ROOT: root,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": names.VERSION_LATEST,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        names.ENV_LOG_STREAM_NAME: log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{_XRAY_HOST}:{_XRAY_PORT}",
        "_AWS_XRAY_DAEMON_ADDRESS": _XRAY_HOST,
        "_AWS_XRAY_DAEMON_PORT": _XRAY_PORT,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        # The system's own folders are left out: here they would come before what a foreign interpreter was built with.
        "LD_LIBRARY_PATH": f"{root}:{root}/lib:/opt/lib",
    }
    if execution_env is not None:
        documented["AWS_EXECUTION_ENV"] = execution_env
    return {**documented, **_credentials(function), **function.environment}


def _credentials(function: Function) -> dict[str, str]:
    # Given ones are not mixed with placeholders: no service would accept a key with another's token.
    return {} if _PLACEHOLDER_CREDENTIALS.keys() & function.environment.keys() else _PLACEHOLDER_CREDENTIALS

from __future__ import annotations

import re
from typing import Any

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.sandbox.surroundings.environment import Surroundings, Tokens, log_stream_name, sandbox_environment
from runtime_api.sandbox.surroundings.folders import Folders

LOG_STREAM = "2023/11/14/[$LATEST]0123456789abcdef0123456789abcdef"
FOLDERS = Folders("/srv/hello", "/opt", "/var/runtime", None, None)
TOKENS = Tokens("metadata-token", "credentials-token")
DOCUMENTED = {
    "_HANDLER": "app.handler",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "LAMBDA_TASK_ROOT": "/srv/hello",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "hello",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_METADATA_API": "127.0.0.1:9001",
    "AWS_LAMBDA_METADATA_TOKEN": "metadata-token",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hello",
    "AWS_LAMBDA_LOG_STREAM_NAME": LOG_STREAM,
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/srv/hello:/srv/hello/lib:/opt/lib",
}
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def environment(
    execution_env: str | None = None, options: dict[str, Any] | None = None, folders: Folders = FOLDERS, **own: str
) -> dict[str, str]:
    """The environment of a function with these variables."""
    members: dict[str, Any] = {"task_root": "/srv/hello", "handler": "app.handler", "memory_mb": 256, **(options or {})}
    function = Function(name="hello", environment=own, **members)
    account = Account(region="eu-west-1")
    around = Surroundings("127.0.0.1:9001", LOG_STREAM, execution_env, folders, TOKENS)
    return sandbox_environment(function, account, around)


def test_the_documented_set_and_nothing_else() -> None:
    """Every variable with its value; three credentials besides."""
    made = environment()
    assert {name: value for name, value in made.items() if name not in CREDENTIALS} == DOCUMENTED
    assert set(made) == {*DOCUMENTED, *CREDENTIALS}


def test_the_execution_environment_is_named_for_managed_runtimes() -> None:
    """OS-only runtimes have no such variable at all."""
    assert environment("AWS_Lambda_python3.12")["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert "AWS_EXECUTION_ENV" not in environment()


def test_the_functions_own_variables_are_added() -> None:
    """Also over the ones that may be changed."""
    made = environment(MY_TABLE="t", TZ="Europe/Rome", PATH="/opt/bin")
    assert (made["MY_TABLE"], made["TZ"], made["PATH"]) == ("t", "Europe/Rome", "/opt/bin")


def test_folders_that_are_real_need_no_stand_ins() -> None:
    """The documented paths, and nothing that leads elsewhere."""
    made = environment("AWS_Lambda_python3.12", folders=Folders("/var/task", "/opt", "/var/runtime", layers="/merged"))
    assert (made["LAMBDA_TASK_ROOT"], made["LD_LIBRARY_PATH"]) == ("/var/task", "/var/task:/var/task/lib:/opt/lib")
    assert {"TMPDIR", "PYTHONPATH"} & set(made) == set()


def test_folders_that_are_elsewhere_are_led_to() -> None:
    """Temporary files, programs, libraries and packages of layers; the function's own variables come first."""
    folders = Folders("/srv/hello", "/merged", "/r", "/private", "/merged")
    made = environment("AWS_Lambda_python3.12", folders=folders)
    assert made["TMPDIR"] == "/private"
    assert made["PATH"].endswith(":/merged/bin")
    assert made["LD_LIBRARY_PATH"].endswith(":/merged/lib")
    assert made["PYTHONPATH"] == "/merged/python/lib/python3.12/site-packages:/merged/python"
    assert environment(folders=folders)["PYTHONPATH"] == "/merged/python"
    assert environment(folders=folders, PYTHONPATH="/mine", TMPDIR="/tmp")["PYTHONPATH"] == "/mine"


def test_no_credential_is_empty() -> None:
    """SDKs take an empty key for a broken one: there is always something well formed."""
    made = environment()
    assert re.fullmatch(r"[A-Z0-9]{20}", made["AWS_ACCESS_KEY_ID"])
    assert len(made["AWS_SECRET_ACCESS_KEY"]) == 40
    assert made["AWS_SESSION_TOKEN"]


def test_given_credentials_come_without_our_token() -> None:
    """A real key pair with a made-up token is refused everywhere."""
    made = environment(AWS_ACCESS_KEY_ID="AKIAREAL", AWS_SECRET_ACCESS_KEY="secret")
    assert {name: made.get(name) for name in CREDENTIALS} == {
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": None,
    }


def test_a_given_token_is_kept() -> None:
    """Temporary credentials are three."""
    made = environment(AWS_ACCESS_KEY_ID="ASIAREAL", AWS_SECRET_ACCESS_KEY="secret", AWS_SESSION_TOKEN="token")
    assert made["AWS_SESSION_TOKEN"] == "token"


@pytest.mark.parametrize("init_type", ["on-demand", "snap-start"])
def test_credentials_found_elsewhere_are_not_hidden(init_type: str) -> None:
    """SDKs look at keys first: a pod's identity would never be asked for."""
    pod = environment(options={"init_type": init_type}, AWS_WEB_IDENTITY_TOKEN_FILE="/var/run/token")
    assert {name for name in pod if name in CREDENTIALS or name.startswith("AWS_CONTAINER")} == set()
    assert pod["AWS_WEB_IDENTITY_TOKEN_FILE"] == "/var/run/token"
    uri = environment(options={"init_type": init_type}, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1")
    assert uri["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1"


def test_provisioned_sandboxes_know_what_they_are() -> None:
    """Their initialization type is all that differs."""
    made = environment(options={"init_type": "provisioned-concurrency"})
    assert made == {**environment(), "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}


def test_no_secret_is_in_a_snapshot() -> None:
    """Neither credentials, given ones included, nor the name of a log; instead where credentials are found."""
    made = environment(options={"init_type": "snap-start"}, AWS_ACCESS_KEY_ID="AKIAREAL", MINE="1")
    gone = {*CREDENTIALS, "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"}
    assert made == {
        **{name: value for name, value in DOCUMENTED.items() if name not in gone},
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9001/2021-04-23/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "credentials-token",
        "MINE": "1",
    }


def test_a_multi_concurrent_sandbox_knows_how_much_it_takes() -> None:
    """And logs JSON: lines of several invocations could not be told apart."""
    assert environment(options={"max_concurrency": 8}) == {
        **environment(),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
        "AWS_LAMBDA_MAX_CONCURRENCY": "8",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
    }


@pytest.mark.parametrize(
    ("now_ms", "day"), [(1_700_000_000_000.0, "2023/11/14"), (0.0, "1970/01/01"), (1_709_251_199_999.0, "2024/02/29")]
)
def test_a_log_stream_is_named_after_its_day(now_ms: float, day: str) -> None:
    """The day in UTC, the version, 32 digits."""
    assert re.fullmatch(rf"{day}/\[\$LATEST\][0-9a-f]{{32}}", log_stream_name(now_ms))


def test_no_two_log_streams_share_a_name() -> None:
    """Two sandboxes of the same moment are told apart."""
    assert log_stream_name(0) != log_stream_name(0)

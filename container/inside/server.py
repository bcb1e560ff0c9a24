"""The image as a server: its environment becomes a `pilotlight.toml`, and `pilotlight serve` does the rest.

Strategy: a file rather than flags, so that secrets in the environment are in no list of processes, and so that a template the function
brings along in its own folder is not taken for this server's. What is not the image's own goes on to the function.

| variable | is | unless said |
|---|---|---|
| PORT | the port callers use | 8080 |
| PILOTLIGHT_POOL | sandboxes, hence invocations at once; a 429 beyond | 10 |
| PILOTLIGHT_QUEUE | where asynchronous events are kept, `nats://HOST:PORT` | a file in /tmp |
| PILOTLIGHT_DRAIN_TIMEOUT | seconds calls have to end after SIGTERM | 25 |
| PILOTLIGHT_URL_INVOKE_MODE | how the URL answers, BUFFERED or RESPONSE_STREAM | BUFFERED |
| AWS_LAMBDA_FUNCTION_NAME, _TIMEOUT (seconds), _MEMORY_SIZE (MB) | those of the function | function, 300, 3008 |
| AWS_REGION or AWS_DEFAULT_REGION | the region the function believes to be in | us-east-1 |
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from importlib import import_module

FOLDER = "/tmp/pilotlight"
POOL, QUEUE, DRAIN = "PILOTLIGHT_POOL", "PILOTLIGHT_QUEUE", "PILOTLIGHT_DRAIN_TIMEOUT"
URL_MODE = "PILOTLIGHT_URL_INVOKE_MODE"
NAME, TIMEOUT, MEMORY = "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_TIMEOUT", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
# Of the image, of the shell in front of us, and what every sandbox is given a value of its own for.
_OURS = {
    *(
        "PORT",
        POOL,
        QUEUE,
        DRAIN,
        URL_MODE,
        NAME,
        TIMEOUT,
        MEMORY,
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_VERSION",
    ),
    *("PATH", "LD_LIBRARY_PATH", "LANG", "TZ", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    *("HOME", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "TERM"),
    *("AWS_EXECUTION_ENV", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_ACCESS_KEY"),
    *(
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
    ),
}
_LAMBDA_TAKES = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_ANY = 999_999_999


class WrongVariable(Exception):
    """A variable of the container's has a value that cannot be used; the message names it."""


def configuration(handler: str, environment: Mapping[str, str], task_root: str, opt: str) -> str:
    """The `pilotlight.toml` of one function; raises WrongVariable. `opt` is a layer when there are extensions in it."""
    region = "AWS_REGION" if environment.get("AWS_REGION") else "AWS_DEFAULT_REGION"
    server = {
        "host": "0.0.0.0",
        "port": _number(environment, "PORT", 8080, 0, 65_535),
        "region": _text(environment, region, "us-east-1", r"[a-z0-9-]+", "a region has small letters, digits and '-'"),
        "account_concurrency": _number(environment, POOL, 10, 1, _ANY),
        "drain_timeout": _number(environment, DRAIN, 25, 0, _ANY),
        "data_dir": f"{FOLDER}/events",
        **_queue(environment),
    }
    function = {
        "path": task_root,
        "handler": handler,
        "runtime": "python",
        "timeout": _number(environment, TIMEOUT, 300, 1, 900),
        "memory": _number(environment, MEMORY, 3008, 128, 10_240),
        **({"layers": [opt]} if _has_extensions(opt) else {}),
    }
    what = "a name has 1 to 64 letters, digits, '-' and '_'"
    name = _text(environment, NAME, "function", r"[a-zA-Z0-9-_]{1,64}", what)
    what = "it has to be BUFFERED or RESPONSE_STREAM"
    url = {"invoke_mode": _text(environment, URL_MODE, "BUFFERED", r"BUFFERED|RESPONSE_STREAM", what)}
    tables: dict[str, Mapping[str, object]] = {
        "server": server,
        f"functions.{_toml(name)}": function,
        f"functions.{_toml(name)}.url": url,
        f"functions.{_toml(name)}.environment": functions_own(environment),
    }
    return "\n".join(line for title, table in tables.items() for line in _table(title, table))


def functions_own(environment: Mapping[str, str]) -> dict[str, str]:
    """The container's variables that are the function's; raises WrongVariable for those Lambda would not take."""
    from runtime_api.protocol.function.function import InvalidFunction, check_environment

    own = {name: value for name, value in environment.items() if name not in _OURS and _LAMBDA_TAKES.fullmatch(name)}
    try:
        check_environment(own)
    except InvalidFunction as error:
        raise WrongVariable(f"the function's {error}") from None
    return own


def _queue(environment: Mapping[str, str]) -> dict[str, str]:
    from runtime_api.protocol.asynchronous.queue_address import InvalidQueueAddress, parse_queue_address

    address = environment.get(QUEUE)
    try:
        return {"queue": address} if address and parse_queue_address(address) else {}
    except InvalidQueueAddress as error:
        # Without the value as it is: it may have a password in it.
        raise WrongVariable(f"{QUEUE}: {error}") from None


def _text(environment: Mapping[str, str], name: str, default: str, form: str, what: str) -> str:
    said = environment.get(name) or default
    if not re.fullmatch(form, said):
        raise WrongVariable(f"{name}={said!r}: {what}")
    return said


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    said = environment.get(name) or str(default)
    # int() would take "1_000" and " 8080 ".
    if not re.fullmatch(r"[0-9]{1,9}", said) or not least <= int(said) <= most:
        raise WrongVariable(f"{name}={said}: it has to be a whole number from {least} to {most}")
    return int(said)


def _has_extensions(opt: str) -> bool:
    try:
        return bool(os.listdir(f"{opt}/extensions"))
    except OSError:
        return False


def _table(title: str, table: Mapping[str, object]) -> list[str]:
    return [f"[{title}]", *(f"{_toml(key)} = {_toml(value)}" for key, value in table.items()), ""]


def _toml(value: object) -> str:
    # JSON's numbers, lists and strings are TOML's too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def main() -> None:
    """Serve the handler named by the argument; exit code 2 for a container that is set up wrongly."""
    # The first process of a container hears no signal it has no word on, and loading the platform, below, takes a while.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda heard, _frame: os._exit(128 + heard))
    try:
        text = configuration(sys.argv[1], os.environ, os.environ["LAMBDA_TASK_ROOT"], "/opt")
        file = _written(text)
    except WrongVariable as error:
        wrong = str(error)
    except OSError as error:
        wrong = f"{FOLDER} cannot be written: {error.strerror}: the container needs a /tmp of its own"
    else:
        sys.argv[1:] = ["serve", file]
        import_module("runtime_api.cli.entry").main()
        return
    print(f"pilotlight: {wrong}", file=sys.stderr)
    sys.exit(2)


def _written(text: str) -> str:
    file = f"{FOLDER}/pilotlight.toml"
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
        written.write(text)
    return file


if __name__ == "__main__":
    main()

"""What the process under test finds: its command line, its environment and its task root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime_api.conformance.config_file import ConfigUnusable
from runtime_api.conformance.runtime_stage.event import FUNCTION_ARN
from runtime_api.protocol.names import (
    ENV_HANDLER,
    ENV_INITIALIZATION_TYPE,
    ENV_LOG_GROUP_NAME,
    ENV_LOG_STREAM_NAME,
    ENV_RUNTIME_API,
    ENV_TASK_ROOT,
)

HANDLERS = Path(__file__).parent.parent / "handlers"
FUNCTION_NAME = FUNCTION_ARN.rpartition(":")[2]
FUNCTION_MEMORY_MB = 256
# Variables of the machine without which hardly anything starts; nothing else of ours reaches the process.
_OF_THE_MACHINE = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class CommandMissing(Exception):
    """The command under test does not exist, or may not be started."""


def absolute(argv: Sequence[str]) -> list[str]:
    """The command with its program found on PATH, and with every argument that is a path to something here made absolute.

    The process starts in its task root, where relative names mean something else. A bare name is a path only where an interpreter has
    its script, right behind the program: anywhere else it may be just a word. Raises CommandMissing.
    """
    program, *arguments = argv
    found = shutil.which(program)
    if found is None:
        raise CommandMissing(f"{program}: there is no such command, or it is not executable")
    if arguments and os.path.isfile(arguments[0]):
        arguments[0] = os.path.abspath(arguments[0])
    paths = [os.path.abspath(word) if "/" in word and os.path.exists(word) else word for word in arguments]
    return [os.path.abspath(found), *paths]


def environment_for(address: str, handler: str, task_root: Path, mark: str) -> dict[str, str]:
    """The documented function variables, and what the machine needs to start programs. `mark` makes the log stream's name unique.

    Source: the Developer Guide's page configuration-envvars.
    """
    return {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ} | {
        ENV_RUNTIME_API: address,
        ENV_HANDLER: handler,
        ENV_TASK_ROOT: str(task_root),
        # Who is killed in the end cannot clean up.
        "TMPDIR": str(_tmp_beside(task_root)),
        ENV_LOG_GROUP_NAME: f"/aws/lambda/{FUNCTION_NAME}",
        ENV_LOG_STREAM_NAME: mark,
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(FUNCTION_MEMORY_MB),
        ENV_INITIALIZATION_TYPE: "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "conformance",
        "AWS_SECRET_ACCESS_KEY": "conformance",
        "AWS_SESSION_TOKEN": "conformance",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }


def _tmp_beside(task_root: Path) -> Path:
    return task_root.with_name("tmp")


def changed(environment: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """An environment with some variables set, or with None left out."""
    merged = {**environment, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def handlers_at(name: str, base: Path) -> Path:
    """The folder of the handlers: those of this package for a language, else a folder, from `base`. Raises ConfigUnusable."""
    own = {folder.name: folder for folder in HANDLERS.iterdir()}
    folder = own.get(name, base / name)
    if not folder.is_dir():
        raise ConfigUnusable(f"no handlers at {folder}: name one of {', '.join(sorted(own))}, or a folder")
    return folder


def fill_task_root(folder: Path, handlers: Path) -> None:
    """Copy the testee's handlers into a new task root, with a folder for temporary files beside it. Raises OSError.

    A file that no tool could read as what it is, such as one with a syntax error, is kept under a name that ends in `.txt`.
    """
    shutil.copytree(handlers, folder, ignore=shutil.ignore_patterns("__pycache__"))
    _tmp_beside(folder).mkdir()
    for kept in folder.rglob("*.txt"):
        kept.rename(kept.with_suffix(""))

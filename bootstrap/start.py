"""Start: from a fresh interpreter to the first `next`, and the exit status when it ends.

1. The bootstrap's own folder leaves sys.path, the function's folders come first.
2. Output becomes line-buffered, so a killed sandbox loses nothing it printed.
3. The handler is loaded; a failure is posted to /init/error and ends the process.
4. The loop runs until the Runtime API or the function ends it.

Exit status: 1 when loading failed or the Runtime API cannot be used, 130 after an interrupt, else what the function
passed to sys.exit().
"""

import os
import sys

from .client import RuntimeClient
from .errors import ErrorReport, SandboxError, complain, log_to_stdout
from .handler import load_handler
from .loop import flush_output, run
from .payload import Marshaller
from .wire import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .handler import Handler

ENV_EXECUTION_ENV = "AWS_EXECUTION_ENV"
ENV_HANDLER = "_HANDLER"
ENV_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
ENV_TASK_ROOT = "LAMBDA_TASK_ROOT"
EXIT_INTERRUPTED = 130
# Where layers are unpacked: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
LAYER_FOLDERS = ("/opt/python/lib/python{}.{}/site-packages", "/opt/python")


def main(folder: str) -> None:
    """Run the function named by the first argument or by _HANDLER until the sandbox ends."""
    try:
        _run(folder)
    except SandboxError as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _run(folder: str) -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(ENV_HANDLER, "")
    del sys.argv[1:]  # the handler's name is ours; a function that parses arguments must find none
    user_folders = _arrange_path(folder)
    _publish(folder, user_folders)
    _line_buffer_output()
    client = RuntimeClient(Connection(os.environ.get(ENV_RUNTIME_API, "")))
    marshaller = Marshaller(ascii_only=not _writes_utf8(os.environ.get(ENV_EXECUTION_ENV, "")))
    run(client, _load(name, client, marshaller), marshaller)


def _load(name: str, client: RuntimeClient, marshaller: Marshaller) -> "Handler":
    try:
        return load_handler(name)
    except BaseException as error:  # nothing may end the process unreported, SystemExit included
        report = ErrorReport.of(error)
        log_to_stdout(report)
        flush_output()
        client.init_error(report.body(marshaller.to_json, ""), report.error_type)
        sys.exit(_init_exit_status(error))


def _init_exit_status(error: BaseException) -> int:
    """A function that calls sys.exit() while loading keeps its status, except for a 0 that would look like success."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code or 1
    return EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def _arrange_path(folder: str) -> list[str]:
    """Put the function's folders first on sys.path and take ours off; return the function's folders."""
    root = os.environ.get(ENV_TASK_ROOT) or os.getcwd()
    user_folders = [root]
    if "PYTHONPATH" not in os.environ:  # whoever sets it takes over, as on the managed runtime
        layers = [layer.format(*sys.version_info) for layer in LAYER_FOLDERS]
        user_folders += [layer for layer in layers if os.path.isdir(layer)]
    taken = {*user_folders, folder, os.path.realpath(folder), ""}
    sys.path[:] = user_folders + [entry for entry in sys.path if entry not in taken]
    _run_pth_files(user_folders)
    return user_folders


def _run_pth_files(folders: list[str]) -> None:
    """Vendored packages may bring .pth files; `site` is loaded already unless the interpreter was told otherwise."""
    site = sys.modules.get("site")
    for folder in folders if site else ():
        if any(entry.endswith(".pth") for entry in _entries(folder)):
            site.addsitedir(folder)  # type: ignore[union-attr]


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _publish(folder: str, user_folders: list[str]) -> None:
    """Let the package be found as `bootstrap`, where monitoring tools look, unless the function has one of its own."""
    sys.modules.pop("bootstrap", None)
    finder = sys.modules["_frozen_importlib_external"].PathFinder
    spec = finder.find_spec("bootstrap", user_folders)
    if spec is None or spec.origin == folder + "/__init__.py":
        sys.modules["bootstrap"] = sys.modules[__package__ or ""]


def _line_buffer_output() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # sys.stdout is None when fd 1 is closed
    if reconfigure is not None:
        reconfigure(line_buffering=True)


def _writes_utf8(execution_env: str) -> bool:
    """The managed runtimes from Python 3.12 on answer in UTF-8; older ones and custom runtimes escape to ASCII."""
    family, _, minor = execution_env.partition("_python3.")
    return family == "AWS_Lambda" and minor.isdecimal() and int(minor) >= 12

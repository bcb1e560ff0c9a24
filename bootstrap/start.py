"""Start: from a fresh interpreter to the first `next`, and the exit status when it ends.

1. The bootstrap's own folder leaves sys.path, the function's folders come first.
2. The log is set up; output becomes line-buffered, so a killed sandbox loses nothing it printed.
3. The handler is loaded; a failure is posted to /init/error and ends the process.
4. Hooks that belong to init are run, and a SnapStart snapshot is passed.
5. The loop runs until the Runtime API or the function ends it.

Exit status: 1 when loading failed or the Runtime API cannot be used, 130 after an interrupt, else what the function
passed to sys.exit().
"""

import _thread
import os
import sys
from time import sleep

from .adapter import adapt
from .client import LambdaRuntimeClient
from .errors import SandboxError
from .handler import load_handler
from .logs import complain, flush_output, log_error, set_up
from .loop import handle_event_request, run
from .payload import Marshaller
from .report import ErrorReport, body_bytes_max
from .wire import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import NoReturn

    from .handler import Handler

ENV_EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
ENV_EXECUTION_ENV = "AWS_EXECUTION_ENV"
ENV_HANDLER = "_HANDLER"
ENV_INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
ENV_MANAGED = "_PILOTLIGHT_MANAGED"  # set where the bootstrap stands in for the one of a managed runtime
ENV_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
ENV_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
ENV_TASK_ROOT = "LAMBDA_TASK_ROOT"
ENV_WRAPPED = "_PILOTLIGHT_WRAPPED"  # set for the wrapper, so that what it starts does not start it again
EXIT_INTERRUPTED = 130
THREADS_WAIT_S = 0.5  # about what a runtime gets from the platform when it is to end
ATEXIT_WAIT_S = 2.0
ON_PATH = "on_path"
SNAP_START = "snap-start"
# Where layers are unpacked: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
LAYER_FOLDERS = ("/opt/python/lib/python{}.{}/site-packages", "/opt/python")


def main(folder: str) -> None:
    """Run the function named by the first argument or by _HANDLER until the sandbox ends."""
    if os.environ.pop(ENV_WRAPPED, None) is None and os.environ.get(ENV_EXEC_WRAPPER):
        from .surroundings.exec_wrapper import exec_wrapper  # few functions have one

        exec_wrapper(folder + "/__main__.py")
    if os.getpid() == 1:
        from .surroundings.first_process import heed_sigterm  # on Lambda it never is

        heed_sigterm()
    try:
        _run(folder)
    except SandboxError as error:
        complain(str(error))
        _end(1)
    except KeyboardInterrupt:
        _end(EXIT_INTERRUPTED)
    except SystemExit as error:
        _end(error.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        _end(1)


def _end(code: object) -> "NoReturn":
    """End as sys.exit() does, but do not wait for ever for threads the function has left."""
    if _thread._count():
        _limit_end(_exit_status(code))
    sys.exit(code)  # type: ignore[arg-type]


def _limit_end(status: int) -> None:
    """Have the process ended by other threads, if the main thread is kept from it.

    One does what there is left to do. That may wait for the same threads in its turn, as the end of a pool of processes
    does: then another one ends it. Both are started now, for later on some interpreters start no threads any more.
    """
    import atexit

    waited, late = _thread.allocate_lock(), _thread.allocate_lock()
    waited.acquire()
    late.acquire()
    atexit.register(waited.release)  # the last one is called first, once the threads are at their end

    def go_on() -> None:
        if not waited.acquire(timeout=THREADS_WAIT_S):
            late.release()
            try:
                atexit._run_exitfuncs()
                flush_output()
            finally:
                os._exit(status)

    def give_up() -> None:
        late.acquire()
        sleep(ATEXIT_WAIT_S)
        os._exit(status)

    _thread.start_new_thread(go_on, ())
    _thread.start_new_thread(give_up, ())


def _exit_status(code: object) -> int:
    """What sys.exit() makes of its argument."""
    return (code or 0) & 0xFF if code is None or isinstance(code, int) else 1


def _run(folder: str) -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(ENV_HANDLER, "")
    del sys.argv[1:]  # the handler's name is ours; a function that parses arguments must find none
    user_folders = _arrange_path(folder)
    _publish(folder, user_folders)
    set_up(os.environ)
    sys.meta_path.insert(0, _TLSFinder)
    marshaller = Marshaller(ascii_only=not _writes_utf8(os.environ.get(ENV_EXECUTION_ENV, "")))
    LambdaRuntimeClient.marshaller = LambdaRuntimeClient.error_marshaller = marshaller
    limit = os.environ.get(ENV_MAX_CONCURRENCY)
    if limit:
        from .several.workers import serve

        serve(name, limit)
    else:
        client = connect()
        run(client, load(name, client))


def connect() -> LambdaRuntimeClient:
    """A client with a connection of its own; that is opened when first used. Raises SandboxError without an address."""
    return LambdaRuntimeClient(Connection(os.environ.get(ENV_RUNTIME_API, "")))


def load(name: str, client: LambdaRuntimeClient, *, is_first: bool = True) -> "Handler":
    """Load the function and do all that comes before its first `next`.

    The first of several workers does that for the sandbox as a whole, too.
    """
    handler = _load(name, client)
    lifecycle = sys.modules.get(f"{__package__}.hooks.lifecycle")
    if lifecycle is not None:
        lifecycle.start(client.connection.address, register=is_first)
    if is_first and os.environ.get(ENV_INITIALIZATION_TYPE) == SNAP_START:
        from .hooks.snapstart import pass_snapshot

        pass_snapshot(client)
    timeouts = sys.modules.get(f"{__package__}.hooks.timeouts")
    return handler if timeouts is None else timeouts.watched(handler)


def _load(name: str, client: LambdaRuntimeClient) -> "Handler":
    try:
        return adapt(load_handler(name))
    except BaseException as error:  # nothing may end the process unreported, SystemExit included
        report = ErrorReport.of(error)
        log_error(report)
        flush_output()
        fields = report.fields_within(client.error_marshaller.to_json, bytes_max=body_bytes_max())
        client.post_init_error(fields, report.error_type)
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
    is_managed = os.environ.pop(ENV_MANAGED, None) is not None
    if "PYTHONPATH" not in os.environ:  # whoever sets it takes over, as on the managed runtime
        layers = [layer.format(*sys.version_info) for layer in LAYER_FOLDERS]
        user_folders += [layer for layer in layers if os.path.isdir(layer)]
        if is_managed:
            from .surroundings.managed import take_over  # elsewhere nobody needs it

            take_over()
    taken = {*user_folders, folder, os.path.realpath(folder), ""}
    sys.path[:] = user_folders + [entry for entry in sys.path if entry not in taken]
    sys.path.append(f"{folder}/{ON_PATH}")  # modules a function may import without shipping them
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
    """Let the package be found as `bootstrap`, where monitoring tools look, unless the function has one of its own.

    Its modules are found under that name as well: a second copy of `bootstrap.lifecycle` would not know the hooks.
    """
    package = sys.modules[__package__ or ""]
    package.__dict__.update(handle_event_request=handle_event_request, LambdaRuntimeClient=LambdaRuntimeClient)
    sys.modules.pop("bootstrap", None)
    finder = sys.modules["_frozen_importlib_external"].PathFinder
    spec = finder.find_spec("bootstrap", user_folders)
    if spec is None or _is_a_copy(spec.origin):
        sys.modules["bootstrap"] = package
        sys.meta_path.insert(0, _AliasFinder)


def _is_a_copy(init_file: "str | None") -> bool:
    """Whether it belongs to this package, which functions may ship as well: the copy that runs is the one to talk to."""
    return os.path.isfile((init_file or "").removesuffix("__init__.py") + ON_PATH + "/snapshot_restore_py.py")


class _AliasFinder:
    """Finds `bootstrap.x` on sys.meta_path as what it is, `_pilotlight.x`; is the loader, too."""

    @classmethod
    def find_spec(cls, name: str, *_: object) -> "ModuleSpec | None":
        if not name.startswith("bootstrap."):
            return None
        spec: ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec(name, cls)
        return spec

    @staticmethod
    def create_module(spec: "ModuleSpec") -> None:
        return None

    @staticmethod
    def exec_module(module: "ModuleType") -> None:
        name = module.__name__.replace("bootstrap", "_pilotlight", 1)
        __import__(name)
        sys.modules[module.__name__] = sys.modules[name]


class _TLSFinder:
    """Waits on sys.meta_path for the first import of `ssl`, which may need a hint; finds nothing itself."""

    @classmethod
    def find_spec(cls, name: str, *_: object) -> None:
        if name == "ssl":
            from .surroundings.certificates import name_bundle

            sys.meta_path.remove(cls)
            name_bundle(os.environ)


def _writes_utf8(execution_env: str) -> bool:
    """The managed runtimes from Python 3.12 on answer in UTF-8; older ones and custom runtimes escape to ASCII."""
    family, _, minor = execution_env.partition("_python3.")
    return family == "AWS_Lambda" and minor.isdecimal() and int(minor) >= 12

"""Logs: in which form, and to which place, goes what the function logs, prints and fails with.

    form    text, where what is printed stays as it is, or JSON, where every line becomes an object
    place   standard output, or frames on a descriptor of their own where the platform gives one

As documented at https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html. Python's
`logging` takes longer to import than all of this package. So it is not imported here, but given its handler at the
moment the function imports it. The same goes for JSON and frames: who does not use them does not load them.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Protocol

    from .report import ErrorReport

    class Place(Protocol):
        """Where one piece of log after the other goes."""

        line_end: str  # between the lines of an error, so that they stay one event of the log

        def put(self, text: str, level: int) -> None:
            """Write it as it is; `level` is a number of `logging`, 0 where there is none. Does not raise."""

    class Log(Protocol):
        """One of the two forms."""

        is_json: bool

        def write(self, text: str, level: int) -> None:
            """Log a text."""

        def error(self, report: ErrorReport, request_id: str) -> None:
            """Log an error that nobody caught."""

        def complain(self, text: str) -> None:
            """Log what whoever runs the sandbox should know."""

        def flush(self) -> None:
            """Log what is held back."""


ENV_LOG_FD = "_LAMBDA_TELEMETRY_LOG_FD"
ENV_LOG_FORMAT = "AWS_LAMBDA_LOG_FORMAT"
ENV_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
ERROR = 40  # of `logging`, without the import


class StandardOutput:
    """Text on whatever sys.stdout is at the moment."""

    line_end = "\r"

    def put(self, text: str, level: int) -> None:
        _write("stdout", text)


class TextLog:
    """Lines of text; what the function prints is none of its business."""

    is_json = False

    def __init__(self, place: "Place") -> None:
        self._place = place

    def write(self, text: str, level: int) -> None:
        self._place.put(text, level)

    def error(self, report: "ErrorReport", request_id: str) -> None:
        self._place.put(self._place.line_end.join(report.log_lines()) + "\n", ERROR)

    def complain(self, text: str) -> None:
        _write("stderr", f"pilotlight: {text}\n")

    def flush(self) -> None:
        pass


_log: "Log" = TextLog(StandardOutput())


def set_up(environ: "MutableMapping[str, str]") -> None:
    """Choose form and place, before anything of the function is imported.

    The descriptor is taken out of the environment. Many invocations at once are always logged as JSON, for without a
    request id nobody could tell their lines apart.
    """
    global _log
    fd = environ.pop(ENV_LOG_FD, "")
    _line_buffer_output()
    if environ.get(ENV_LOG_FORMAT, "").upper() == "JSON" or environ.get(ENV_MAX_CONCURRENCY):
        from .log.json_log import JsonLog

        _log = JsonLog(fd)
    elif fd:
        from .log.descriptors import TEXT_FRAME, Frames

        _log = TextLog(Frames(fd, TEXT_FRAME, StandardOutput()))
    _configure_logging_when_imported()


def is_json() -> bool:
    """Whether everything becomes a JSON object."""
    return _log.is_json


def write(text: str, level: int = 0) -> None:
    """Log a text as it is, or as a record in JSON form; `level` is a number of `logging`, 0 where there is none."""
    _log.write(text, level)


def log_error(report: "ErrorReport", request_id: str = "") -> None:
    """Show an error that nobody caught; no log level keeps it back."""
    _log.error(report, request_id)


def complain(text: str) -> None:
    """Tell whoever runs the sandbox."""
    _log.complain(text)


def flush_output() -> None:
    """Hand over what the function printed: once an answer is posted the process may be frozen."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except Exception:
            continue  # the function closed it, removed it or put something else in its place
    _log.flush()


def connect_provider_socket(path: str) -> None:
    """Give this process an output of its own: one connection to the platform's socket each for stdout and stderr."""
    import _socket

    flush_output()
    for fd in (1, 2):
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.connect(path)
            os.dup2(connection.fileno(), fd)
        except OSError as error:
            complain(f"descriptor {fd} keeps its output, for {path} cannot be reached: {error}")
        finally:
            connection.close()


def _write(name: str, text: str) -> None:
    """Write to a stream that may be closed, replaced by the function, or not able to show every character."""
    try:
        stream = getattr(sys, name)
        try:
            stream.write(text)
        except UnicodeError:
            stream.write(text.encode("ascii", "backslashreplace").decode())
    except Exception:
        return  # a log line is not worth the process


def _line_buffer_output() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # sys.stdout is None when fd 1 is closed
    if reconfigure is not None:
        reconfigure(line_buffering=True)


def _configure_logging_when_imported() -> None:
    module = sys.modules.get("logging")
    if module is None:
        sys.meta_path.insert(0, _LoggingFinder)
    elif _is_of_the_library(module.__spec__):
        _configure_logging()


class _LoggingFinder:
    """Waits on sys.meta_path until `logging` is executed, then leaves it for good."""

    @classmethod
    def find_spec(
        cls, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if name != "logging":
            return None
        others = [finder.find_spec for finder in sys.meta_path if finder is not cls]
        spec = next(filter(None, (find(name, path, target) for find in others)), None)
        if _is_of_the_library(spec):
            cls._configure_once_executed(spec.loader)  # type: ignore[union-attr]
        return spec

    @classmethod
    def _configure_once_executed(cls, loader: "Any") -> None:  # noqa: ANN401 - a method is replaced on it
        execute = loader.exec_module

        def exec_module(module: "ModuleType") -> None:
            del loader.exec_module  # the method of its class is visible again
            if cls in sys.meta_path:
                sys.meta_path.remove(cls)
            execute(module)
            _configure_logging()

        loader.exec_module = exec_module


def _is_of_the_library(spec: "ModuleSpec | None") -> bool:
    """A function may ship a `logging` of its own, which is none of our business."""
    folder = os.path.dirname(os.__file__)
    return spec is not None and (spec.origin or "").startswith(f"{folder}/logging/")


def _configure_logging() -> None:
    from .log.log_handler import configure

    configure()

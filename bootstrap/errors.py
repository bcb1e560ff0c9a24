"""Errors: what can go wrong, whose fault it is, and what becomes an error report.

    Exception
    ├── FunctionError       the function's: cannot be loaded, or called with this event; posted under a Runtime.* type
    ├── SandboxError        the sandbox's: the Runtime API is gone or broken; the process ends with status 1
    └── AnsweredTwiceError  ours: a second answer to one invocation

Whatever else the function raises is reported under the name of its class. A report must leave the process whatever
the exception does, so nothing here trusts it: its __str__ may fail, its text may be huge or hold lone surrogates.
`traceback` takes ten milliseconds to import and is therefore imported when there is something to report.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

# An error report is an answer and shares its limit of 6 MiB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
BODY_BYTES_MAX = 6 << 20
SHORT_MESSAGE_CHARS = 262_144
SHORT_STACK_ENTRIES = 100
# X-Ray keeps documents of up to 64 KiB: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
CAUSE_CHARS_MAX = 65_536
SHORT_CAUSE_MESSAGE_CHARS = 4_096
NO_BREAK_SPACE = "\u00a0"

Frame = tuple[str, "int | None", str, "str | None"]  # file, line, function, source


class FunctionError(Exception):
    """The function cannot be loaded or called; `error_type` is one of the Runtime.* names of AWS's own runtime."""

    def __init__(self, error_type: str, message: str, stack: "list[str] | None" = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.stack = stack or []


class SandboxError(Exception):
    """The sandbox is of no further use."""


class AnsweredTwiceError(Exception):
    """An invocation was answered a second time."""


class ErrorReport:
    """An exception as Lambda reports it: type, message, formatted stack lines."""

    __slots__ = ("cause_type", "error_type", "frames", "message", "stack")

    def __init__(self, error_type: str, message: str, stack: list[str], frames: list[Frame], cause_type: str) -> None:
        self.error_type = error_type
        self.message = message
        self.stack = stack
        self.frames = frames
        self.cause_type = cause_type

    @classmethod
    def of(cls, error: BaseException) -> "ErrorReport":
        """Report an exception, without the frames of the bootstrap that lead to the function's own."""
        if isinstance(error, FunctionError):
            return cls(error.error_type, str(error), error.stack, [], "LambdaValidationError")
        frames = _frames(_without_own(error.__traceback__))
        name = type(error).__name__
        return cls(name, _message(error), _format(frames), frames, name)

    def body(self, to_json: "Callable[[object], bytes]", request_id: str) -> bytes:
        """The JSON object that is posted, cut where it would exceed the limit of an answer."""
        data = to_json(self._fields(self.message, self.stack, request_id))
        if len(data) <= BODY_BYTES_MAX:
            return data
        return to_json(self._fields(self.message[:SHORT_MESSAGE_CHARS], self.stack[-SHORT_STACK_ENTRIES:], request_id))

    def _fields(self, message: str, stack: list[str], request_id: str) -> dict[str, object]:
        return {"errorMessage": message, "errorType": self.error_type, "requestId": request_id, "stackTrace": stack}

    def cause(self, to_json: "Callable[[object], bytes]") -> str:
        """X-Ray's cause as a header value; shortened, then left out, when it is longer than X-Ray keeps."""
        text = to_json(self._cause_fields(self.message, self.frames)).decode()
        if len(text) > CAUSE_CHARS_MAX:
            message, frames = self.message[:SHORT_CAUSE_MESSAGE_CHARS], self.frames[-SHORT_STACK_ENTRIES:]
            text = to_json(self._cause_fields(message, frames)).decode()
        return text if len(text) <= CAUSE_CHARS_MAX else ""

    def _cause_fields(self, message: str, frames: list[Frame]) -> dict[str, object]:
        stack = [{"label": function, "path": file, "line": line} for file, line, function, _ in frames]
        return {
            "working_directory": _working_folder(),
            "exceptions": [{"message": message, "type": self.cause_type, "stack": stack}],
            "paths": list(dict.fromkeys(file for file, *_ in frames)),
        }

    def log_text(self) -> str:
        """The report for the log: carriage returns instead of line ends keep it one event there."""
        head = f"[ERROR] {self.error_type}" + (f": {self.message}" if self.message else "")
        lines = [line for entry in self.stack for line in entry.splitlines() or [""]]
        return "\r".join([head, "Traceback (most recent call last):", *map(_indent, lines)]) + "\n"


def complain(text: str) -> None:
    """Tell whoever runs the sandbox on stderr."""
    _write("stderr", f"pilotlight: {text}\n")


def log_to_stdout(report: ErrorReport) -> None:
    """Show an error to the developer where AWS's own runtime does."""
    _write("stdout", report.log_text())


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


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SystemExit) and not isinstance(error.code, str):
            return f"exit status {error.code or 0}"
        return str(error)
    except BaseException:
        return "<exception str() failed>"


def _without_own(trace: "TracebackType | None") -> "TracebackType | None":
    """Skip leading frames whose globals are those of our modules; a name could belong to the function as well."""
    package = f"{__package__}."
    own = {id(vars(module)) for name, module in sys.modules.copy().items() if name.startswith(package)}
    while trace is not None and id(trace.tb_frame.f_globals) in own:
        trace = trace.tb_next
    return trace


def _frames(trace: "TracebackType | None") -> list[Frame]:
    if trace is None:
        return []
    try:
        import traceback

        return [(entry.filename, entry.lineno, entry.name, entry.line) for entry in traceback.extract_tb(trace)]
    except Exception:  # the function may ship a module named like one that traceback needs
        return _bare_frames(trace)


def _bare_frames(trace: "TracebackType | None") -> list[Frame]:
    frames: list[Frame] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append((code.co_filename, trace.tb_lineno, code.co_name, None))
        trace = trace.tb_next
    return frames


def _format(frames: list[Frame]) -> list[str]:
    if not frames:
        return []
    try:
        import traceback

        return traceback.format_list(frames)  # type: ignore[arg-type]
    except Exception:
        return [f'  File "{file}", line {line}, in {function}\n' for file, line, function, _ in frames]


def _indent(line: str) -> str:
    text = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(text)) + text


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # the function may have deleted it
        return ""

"""JSON log: every line is an object, also what the function prints.

Strategy: sys.stdout and sys.stderr stay ordinary text streams, on top of a byte stream that turns each line into a
record. The start of a line is held until its end arrives or the invocation is answered, for each thread and invocation
apart, so that what is printed at the same time does not mix. A line that is an object already passes as it is.
"""

import io
import os
import sys
import time
from _thread import get_ident

from ..current import current_context, runs_several
from ..logs import ERROR
from ..payload import Marshaller, from_json
from .descriptors import JSON_FRAME, Frames, Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer

    from ..context import LambdaContext
    from ..logs import Place
    from ..report import ErrorReport

# One for each ten of `logging`: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
LEVEL_NAMES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
INFO, WARN = 20, 30
DEPTH_MAX = 50

_marshaller = Marshaller(ascii_only=False)


class JsonLog:
    """Objects, one a line; takes sys.stdout and sys.stderr over."""

    is_json = True

    def __init__(self, log_fd: str) -> None:
        stdout, stderr = Lines(_fileno("stdout", 1)), Lines(_fileno("stderr", 2))
        frames = Frames(log_fd, JSON_FRAME, stdout) if log_fd else None
        self._place: Place = frames or stdout
        self._captured = [_capture("stdout", frames or stdout), _capture("stderr", frames or stderr)]

    def write(self, text: str, level: int) -> None:
        self._place.put(as_record(text, level or INFO, current_context()), level or INFO)

    def error(self, report: "ErrorReport", request_id: str) -> None:
        self.flush()  # what was printed before stands before
        fields = {"timestamp": timestamp(time.time()), "level": level_name(ERROR), **report.fields(request_id)}
        self._place.put(encode(fields), ERROR)

    def complain(self, text: str) -> None:
        self.write(f"pilotlight: {text}", WARN)

    def flush(self) -> None:
        for _, lines in self._captured:
            lines.emit_held(current_context())


class LineRecords(io.BufferedIOBase):
    """A byte stream whose lines become records; stands in for the binary buffer of `stream`."""

    mode = "wb"

    def __init__(self, stream: "TextIO", place: "Place") -> None:
        self._stream = stream
        self._place = place
        self._held: dict[tuple[int, LambdaContext | None], bytearray] = {}
        self._never_answers = False
        self.name = getattr(stream, "name", None)
        os.register_at_fork(after_in_child=self._begin_child)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, data: "ReadableBuffer") -> int:
        """Log the lines that are complete and hold the rest."""
        if self.closed:
            raise ValueError("write to closed file")
        data = bytes(data)
        key = get_ident(), current_context()
        held = self._held.pop(key, None) or bytearray()
        held += data
        end = held.rfind(b"\n", len(held) - len(data)) + 1
        if end < len(held):
            self._held[key] = held[end:] if end else held
        for line in held[:end].split(b"\n"):
            self._emit(line, key[1])
        return len(data)

    def flush(self) -> None:
        """Hold the start of a line back all the same, unless this process will never answer an invocation."""
        if self._never_answers or sys.is_finalizing():
            for key in list(self._held):
                self._emit(self._held.pop(key, b""), key[1])

    def emit_held(self, context: "LambdaContext | None") -> None:
        """Log the starts of lines of this invocation, and of none; all, unless others are still running."""
        for key in list(self._held):
            if key[1] in (context, None) or not runs_several():
                self._emit(self._held.pop(key, b""), key[1])

    def _emit(self, line: "bytes | bytearray", context: "LambdaContext | None") -> None:
        if line.strip(b"\r"):  # an empty line is no event of the log
            self._place.put(as_record(line.decode("utf-8", "backslashreplace"), INFO, context), INFO)

    def _begin_child(self) -> None:
        self._never_answers = current_context() is not None  # the function forked, and not our supervisor
        self._held.clear()  # the parent has these


def as_record(text: str, level: int, context: "LambdaContext | None") -> str:
    """The line for a text: the text itself when it is an object, else a record with it as the message."""
    text = text.rstrip("\r\n")
    if _is_object(text):
        return text + "\n"
    request_id, tenant_id = (context.aws_request_id, context.tenant_id) if context else ("", None)
    fields: dict[str, object] = {
        "timestamp": timestamp(time.time()),
        "level": level_name(level),
        "message": text,
        "requestId": request_id,
    }
    return encode({**fields, "tenantId": tenant_id} if tenant_id else fields)


def encode(fields: dict[str, object]) -> str:
    """One line of JSON, whatever the values are; what JSON has no place for becomes text."""
    try:
        data = _marshaller.to_json(fields)
    except Exception:
        data = _marshaller.to_json(_plain(fields, ()))
    return data.decode() + "\n"


def level_name(level: int) -> str:
    """The name Lambda has for a level of `logging`."""
    return LEVEL_NAMES[max(0, min(level // 10, len(LEVEL_NAMES) - 1))]


def timestamp(seconds: float) -> str:
    """A time since the epoch as RFC 3339 has it, in milliseconds."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1000):03d}Z"


def _fileno(name: str, usual: int) -> int:
    """The descriptor of a standard stream. Where that is closed its number may belong to something else by now."""
    stream = getattr(sys, name)
    if stream is None:
        return os.open(os.devnull, os.O_WRONLY)
    try:
        return stream.fileno()  # type: ignore[no-any-return]
    except Exception:
        return usual


def _capture(name: str, place: "Place") -> "tuple[io.TextIOWrapper, LineRecords]":
    """Put a text stream above records in place of a standard stream; one that nobody holds would close both."""
    lines = LineRecords(getattr(sys, name), place)
    stream = io.TextIOWrapper(lines, encoding="utf-8", errors="backslashreplace", write_through=True)
    setattr(sys, name, stream)
    return stream, lines


def _is_object(text: str) -> bool:
    if not (text.startswith("{") and text.endswith("}")) or "\n" in text:
        return False
    try:
        return isinstance(from_json(text), dict)
    except Exception:
        return False


def _plain(value: object, within: tuple[int, ...]) -> object:
    """A copy that is JSON without fail; a container within itself is cut there."""
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        if id(value) in within or len(within) > DEPTH_MAX:
            return "..."
        within = (*within, id(value))
        if isinstance(value, dict):
            return {_text(key): _plain(item, within) for key, item in value.items()}
        return [_plain(item, within) for item in value]
    try:
        return from_json(_marshaller.to_json(value).decode())
    except Exception:
        return _text(value)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__} whose str() failed>"

"""Report: an exception as Lambda shows it to the caller, to X-Ray and to the reader of the log.

Strategy: an exception is turned into a tree of plain data first: itself, what it was raised from or while handling,
its notes, and the members of a group. That tree is then rendered three times. The four members AWS's own runtime has
stay as they are there; the rest follows them. Nothing here trusts the exception: its __str__ may fail, its text may be
huge or hold lone surrogates, its causes may form a circle. What is too long for its place is rendered again, cut more
and more. `traceback` takes ten milliseconds to import and is therefore imported when there is something to report; this
module is there from the start, for a function that has used up its file descriptors could not import it any more.
"""

import os
import sys

from .errors import FunctionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Any

# An error report is an answer and shares its limit of 6 MiB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
BODY_BYTES_MAX = 6 << 20
# Where a sandbox serves several invocations AWS's emulator takes no more of an error.
MANAGED_BODY_BYTES_MAX = 1 << 20
# The report of a failed stream is a trailer: in base64 it stays below the 64 KiB that servers commonly take as one line.
TRAILER_BYTES_MAX = 48 << 10
# X-Ray keeps documents of up to 64 KiB: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
CAUSE_CHARS_MAX = 64 << 10
RELATED_MAX = 50
ENV_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
NO_BREAK_SPACE = "\u00a0"
INDENT = 2 * NO_BREAK_SPACE
XRAY_FAULT = "LambdaValidationError"  # the type X-Ray gets for errors the function did not raise itself
MORE = "more errors belong to this one than are shown"
OWN_PACKAGE = (f"{__package__}.",)
EVENT_LOOP_PACKAGES = ("asyncio.", "concurrent.futures.", "uvloop.")

Frame = tuple[str, "int | None", str, "str | None"]  # file, line, function, source
Cut = tuple[int, int, bool]  # characters of a text, entries of a stack, whether related errors are shown

ALL = sys.maxsize
CUTS: tuple[Cut, ...] = (
    (ALL, ALL, True),
    (262_144, 100, True),
    (262_144, 100, False),
    (4_096, 20, True),
    (4_096, 20, False),
    (256, 0, False),
)

_class_name: "Callable[[type], str]" = type.__dict__["__name__"].__get__  # no metaclass has a say in it


def body_bytes_max() -> int:
    """How long an error report may be in this sandbox."""
    return MANAGED_BODY_BYTES_MAX if os.environ.get(ENV_MAX_CONCURRENCY) else BODY_BYTES_MAX


class ErrorReport:
    """An exception as plain data: type, message, formatted stack lines, and the reports of what belongs to it."""

    def __init__(self, error_type: str, message: str, frames: list[Frame], stack: "list[str] | None" = None) -> None:
        self.error_type = error_type
        self.cause_type = error_type
        self.message = message
        self.frames = frames
        self.stack = _format(frames) if stack is None else stack
        self.notes: list[str] = []
        self.raised_from: ErrorReport | None = None
        self.raised_while_handling: ErrorReport | None = None
        self.members: list[ErrorReport] = []

    @classmethod
    def of(cls, error: BaseException) -> "ErrorReport":
        """Report an exception, without the frames of the bootstrap that lead to the function's own."""
        try:
            return _Survey().report(error)
        except BaseException:  # it resists being looked at, or there is no memory left
            return cls(_class_name(type(error)), "", [])

    def body(self, to_json: "Callable[[object], bytes]", request_id: str, bytes_max: int = BODY_BYTES_MAX) -> bytes:
        """The JSON object that is posted, cut where it would exceed the limit."""
        return to_json(self.fields_within(to_json, request_id, bytes_max))

    def fields_within(
        self, to_json: "Callable[[object], bytes]", request_id: str = "", bytes_max: int = BODY_BYTES_MAX
    ) -> dict[str, object]:
        """The members of the JSON object, cut where that would exceed the limit."""
        for cut in CUTS:
            fields = self.fields(request_id, cut)
            if len(to_json(fields)) <= bytes_max:
                break
        return fields

    def fields(self, request_id: str = "", cut: Cut = CUTS[0]) -> dict[str, object]:
        """The members of the JSON object."""
        message, error_type, stack = self._cut(cut)
        documented = {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": stack}
        return {**documented, **(self.related_fields(cut) if cut[2] else {})}

    def related_fields(self, cut: Cut = CUTS[0]) -> dict[str, object]:
        """What there is beyond the members every report has: cause, context, notes and exceptions."""
        fields = {
            "cause": self.raised_from and self.raised_from._nested_fields(cut),
            "context": self.raised_while_handling and self.raised_while_handling._nested_fields(cut),
            "notes": [note[: cut[0]] for note in self.notes],
            "exceptions": [member._nested_fields(cut) for member in self.members],
        }
        return {name: value for name, value in fields.items() if value}

    def cause(self, to_json: "Callable[[object], bytes]") -> str:
        """X-Ray's cause as a header value; left out when even cut it is longer than X-Ray keeps."""
        for cut in CUTS:
            text = to_json(self._cause_fields(cut)).decode()
            if len(text) <= CAUSE_CHARS_MAX:
                return text
        return ""

    def log_lines(self) -> list[str]:
        """The report for the log, with no-break spaces as indents for plain ones get lost there."""
        head = f"[ERROR] {self._summary()}"
        return [head, *self._note_lines(), *self._stack_lines(), *self._related_lines()]

    def related(self) -> "list[ErrorReport]":
        """The reports directly below this one."""
        return [report for report in (self.raised_from, self.raised_while_handling, *self.members) if report]

    def _nested_fields(self, cut: Cut) -> dict[str, object]:
        message, error_type, stack = self._cut(cut)
        return {
            "errorMessage": message,
            "errorType": error_type,
            "stackTrace": stack,
            **self.related_fields(cut),
        }

    def _cut(self, cut: Cut) -> tuple[str, str, list[str]]:
        return self.message[: cut[0]], self.error_type[: cut[0]], _end_of(self.stack, cut[1])

    def _cause_fields(self, cut: Cut) -> dict[str, object]:
        reports = list(self._walk()) if cut[2] else [self]
        ids = {id(report): os.urandom(8).hex() for report in reports} if len(reports) > 1 else {}
        return {
            "working_directory": _working_folder(),
            "exceptions": [report._cause_exception(cut, ids) for report in reports],
            "paths": list(dict.fromkeys(frame[0] for report in reports for frame in _end_of(report.frames, cut[1]))),
        }

    def _cause_exception(self, cut: Cut, ids: dict[int, str]) -> dict[str, object]:
        frames = _end_of(self.frames, cut[1])
        stack = [{"label": function, "path": file, "line": line} for file, line, function, _ in frames]
        fields: dict[str, object] = {
            "message": self.message[: cut[0]],
            "type": self.cause_type[: cut[0]],
            "stack": stack,
        }
        if ids:
            fields["id"] = ids[id(self)]
        if related := ids and self.related():
            fields["cause"] = ids[id(related[0])]  # there is room for one
        return fields

    def _walk(self) -> "Iterator[ErrorReport]":
        yield self
        for report in self.related():
            yield from report._walk()

    def _summary(self) -> str:
        return self.error_type + (f": {self.message}" if self.message else "")

    def _note_lines(self) -> list[str]:
        return [_indent(line) for note in self.notes for line in note.splitlines()]

    def _stack_lines(self) -> list[str]:
        lines = [line for entry in self.stack for line in entry.splitlines() or [""]]
        return ["Traceback (most recent call last):", *map(_indent, lines)]

    def _related_lines(self) -> list[str]:
        lines = []
        if self.raised_from:
            lines += self.raised_from._block("Caused by")
        if self.raised_while_handling is not None:
            lines += self.raised_while_handling._block("While handling")
        for number, member in enumerate(self.members, 1):
            block = member._block(f"Exception {number} of {len(self.members)}:")
            lines += [INDENT + line for line in block]
        return lines

    def _block(self, title: str) -> list[str]:
        head = f"{title} {self._summary()}".splitlines()
        return [*head, *self._note_lines(), *(self._stack_lines() if self.stack else []), *self._related_lines()]


class _Survey:
    """Turns an exception and what belongs to it into reports, each once, and not more than RELATED_MAX of them."""

    def __init__(self) -> None:
        self._seen: dict[int, BaseException] = {}

    def report(self, error: BaseException) -> ErrorReport:
        self._seen[id(error)] = error
        report = self._alone(error)
        report.notes += _notes(error)
        cause, context = _attribute(error, "__cause__"), _attribute(error, "__context__")
        if cause is not None:
            report.raised_from = self._maybe_related(cause, report)
        elif not _attribute(error, "__suppress_context__"):
            report.raised_while_handling = self._maybe_related(context, report)
        for member in _members(error):
            related = self._maybe_related(member, report)
            report.members += [related] if related else []
        return report

    def _alone(self, error: BaseException) -> ErrorReport:
        if isinstance(error, FunctionError):
            report = ErrorReport(error.error_type, str(error), [], error.stack)
            report.cause_type = XRAY_FAULT
            return report
        return ErrorReport(_class_name(type(error)), _message(error), _frames(_without_own(error.__traceback__)))

    def _maybe_related(self, error: object, to: ErrorReport) -> "ErrorReport | None":
        if not isinstance(error, BaseException) or id(error) in self._seen:
            return None
        if len(self._seen) > RELATED_MAX:
            to.notes += [] if MORE in to.notes else [MORE]
            return None
        report = self.report(error)
        # What led to an error of ours tells the reader something when it happened in code of the function.
        return None if to.cause_type == XRAY_FAULT and not report.frames else report


def _without_own(trace: "TracebackType | None") -> "TracebackType | None":
    """Skip leading frames of ours, and of the event loop we call an `async def` handler on."""
    start = _skip(trace, OWN_PACKAGE)
    return start if start is trace else _skip(start, OWN_PACKAGE + EVENT_LOOP_PACKAGES) or start


def _skip(trace: "TracebackType | None", packages: tuple[str, ...]) -> "TracebackType | None":
    while trace is not None and _is_of(packages, trace.tb_frame.f_globals):
        trace = trace.tb_next
    return trace


def _is_of(packages: tuple[str, ...], scope: dict[str, object]) -> bool:
    """Whether these are the globals of a module of the packages, and not of one that just has such a name."""
    name = str(scope.get("__name__"))
    return f"{name}.".startswith(packages) and getattr(sys.modules.get(name), "__dict__", None) is scope


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        return f"exit status {_text(0 if error.code is None else error.code)}"
    return _text(error)


def _text(value: object) -> str:
    try:
        return str.__str__(str(value))  # of a subclass nothing is left then
    except BaseException:
        return "<exception str() failed>"


def _notes(error: BaseException) -> list[str]:
    notes = _attribute(error, "__notes__")
    return [_text(note) for note in notes[:RELATED_MAX]] if isinstance(notes, list) else []


def _members(error: BaseException) -> "Sequence[object]":
    """The members of a group; up to Python 3.10 such a class comes from the package `exceptiongroup`."""
    if all(_class_name(base) != "BaseExceptionGroup" for base in type(error).__mro__):
        return ()
    members = _attribute(error, "exceptions")
    return members if isinstance(members, (tuple, list)) else ()


def _attribute(error: BaseException, name: str) -> object:
    try:
        return getattr(error, name, None)
    except BaseException:
        return None


def _frames(trace: "TracebackType | None") -> list[Frame]:
    if trace is None:
        return []
    try:
        from .surroundings.library import StandardLibrary

        with StandardLibrary():
            import traceback

            return [(entry.filename, entry.lineno, entry.name, entry.line) for entry in traceback.extract_tb(trace)]
    except Exception:  # no memory, no descriptor left, a library that is not all there
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
        from .surroundings.library import StandardLibrary

        with StandardLibrary():
            import traceback

            return traceback.format_list(frames)  # type: ignore[arg-type]
    except Exception:
        return [f'  File "{file}", line {line}, in {function}\n' for file, line, function, _ in frames]


def _end_of(entries: "list[Any]", count: int) -> "list[Any]":
    return entries[max(0, len(entries) - count) :]


def _indent(line: str) -> str:
    text = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(text)) + text


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # the function may have deleted it
        return ""

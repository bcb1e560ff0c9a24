"""Error reports are valid whatever the exception is, and tell all that belongs to it."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.errors import FunctionError
from bootstrap.payload import Marshaller
from bootstrap.report import BODY_BYTES_MAX, CAUSE_CHARS_MAX, TRAILER_BYTES_MAX, ErrorReport, body_bytes_max

from .fake_runtime_api import FakeRuntimeAPI, Request
from .function import ECHO, Function

ODD = {
    "str_fails": ("class Odd(Exception):\n    def __str__(self): raise ZeroDivisionError\nraise Odd", "Odd"),
    "str_exits": ("class Odd(Exception):\n    def __str__(self): raise SystemExit(5)\nraise Odd", "Odd"),
    "str_is_no_text": ("class Odd(Exception):\n    def __str__(self): return 5\nraise Odd", "Odd"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "mutual_recursion": ("def f(): g()\ndef g(): f()\nf()", "RecursionError"),
    "base_exception": ("class Odd(BaseException): pass\nraise Odd('x')", "Odd"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "generator_exit": ("raise GeneratorExit", "GeneratorExit"),
    "stop_iteration": ("next(iter(()))", "StopIteration"),
    "surrogates": ("raise ValueError('\\ud800 \\udcff')", "ValueError"),
    "odd_name": ("raise type('N\\r\\nX-Evil: 1 ä', (Exception,), {})('a\\r\\nb\\0ä')", "N\r\nX-Evil: 1 ä"),
    "memory": ("raise MemoryError", "MemoryError"),
    "os_error": ("open('/nowhere')", "FileNotFoundError"),
    "chained": ("try: 1 / 0\nexcept Exception as e: raise LookupError('x') from e", "LookupError"),
    "traceback_gone": ("raise ValueError().with_traceback(None)", "ValueError"),
}


def cause_of(post: Request) -> dict[str, object]:
    """X-Ray's cause of a posted error."""
    text = post.headers["lambda-runtime-function-xray-error-cause"]
    assert text.isascii()
    cause: dict[str, object] = json.loads(text)
    return cause


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_exception_is_reported_and_survived(any_python: Function, api: FakeRuntimeAPI, odd: str) -> None:
    """The body decodes, the type is the class name, no header is added, the next event is served."""
    source, name = ODD[odd]
    any_python.handler(f"if event:\n    return 'alive'\n{source}")
    api.event(b"0")
    api.event(b"1")
    outcome = any_python.run()
    error, alive = outcome.posts
    assert error.json()["errorType"] == name
    assert all(isinstance(line, str) for line in error.json()["stackTrace"])
    assert "x-evil" not in error.headers
    assert cause_of(error)
    assert alive.json() == "alive"


@pytest.mark.parametrize("execution_env", ["", "AWS_Lambda_python3.12"])
@pytest.mark.parametrize("char", ["x", "ä", "\\ud800"])
def test_a_message_of_two_mebibytes_fits(
    function: Function, api: FakeRuntimeAPI, execution_env: str, char: str
) -> None:
    """A report stays below the limit of an answer; the cause below what X-Ray keeps."""
    function.environ["AWS_EXECUTION_ENV"] = execution_env
    function.handler(f"raise ValueError('{char}' * 2097152)")
    api.event()
    post = function.run().post
    assert len(post.json()["errorMessage"]) >= 262_144
    assert len(post.body) < 6_291_456
    assert len(post.raw_head) < 70_000


def test_a_traceback_of_ten_thousand_frames_is_reported(function: Function, api: FakeRuntimeAPI) -> None:
    """All frames are in the report, the innermost in the cause."""
    function.write("""
        import sys
        sys.setrecursionlimit(20_000)
        def f(n):
            return g(n - 1) if n else 1 / 0
        def g(n):
            return f(n)
        def handler(event, context):
            return f(5_000)
        """)
    api.event()
    post = function.run().post
    assert len(post.json()["stackTrace"]) == 10_002
    assert post.headers["lambda-runtime-function-xray-error-cause"].count('"label"') == 100
    assert cause_of(post)["paths"] == [f"{function.root}/app.py"]


def test_the_cause_tells_xray_where_it_was(function: Function, api: FakeRuntimeAPI) -> None:
    """Working folder, exception, frames and files."""
    function.write("def handler(event, context):\n    raise ValueError('ä')\n")
    api.event()
    file = f"{function.root}/app.py"
    assert cause_of(function.run().post) == {
        "working_directory": str(function.root),
        "exceptions": [
            {"message": "ä", "type": "ValueError", "stack": [{"label": "handler", "path": file, "line": 2}]}
        ],
        "paths": [file],
    }


def test_the_cause_of_a_runtime_error_is_a_validation_error(function: Function, api: FakeRuntimeAPI) -> None:
    """What the function did not raise itself has a type of X-Ray's and no stack."""
    function.write(ECHO)
    api.event(b"bad")
    exceptions = cause_of(function.run().post)["exceptions"]
    message = "Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)"
    assert exceptions == [{"message": message, "type": "LambdaValidationError", "stack": []}]


def test_the_error_type_header_is_sent_with_invocation_errors(function: Function, api: FakeRuntimeAPI) -> None:
    """The platform need not look into the body."""
    function.handler("1 / 0")
    api.event()
    assert function.run().post.headers["lambda-runtime-function-error-type"] == "ZeroDivisionError"


def test_a_deleted_working_folder_does_not_matter(function: Function, api: FakeRuntimeAPI) -> None:
    """The cause just leaves it empty."""
    function.handler(
        "import os; os.mkdir('/tmp/x' + str(os.getpid())); os.chdir('/tmp/x' + str(os.getpid())); "
        "os.rmdir(os.getcwd()); 1 / 0"
    )
    api.event()
    assert cause_of(function.run().post)["working_directory"] == ""


SHADOWING = [
    "traceback",
    "linecache",
    "tokenize",
    "token",
    "types",
    "enum",
    "re",
    "collections",
    "textwrap",
    "warnings",
]


@pytest.mark.parametrize("name", SHADOWING)
def test_modules_of_the_function_named_like_the_library_do_no_harm(
    any_python: Function, api: FakeRuntimeAPI, name: str
) -> None:
    """A report has its whole stack with sources, and the function's module stays its own, before and after."""
    any_python.write("NAME = 'mine'\n", f"{name}.py")
    any_python.write(f"""
        import sys
        taken = {name!r} in sys.modules  # by the interpreter, before anybody could
        def handler(event, context):
            if event:
                import {name}
                return taken or {name}.NAME
            1 / 0
        """)
    for body in (b"0", b"1", b"0", b"1"):
        api.event(body)
    first, mine, again, still = any_python.run().posts
    for post in (first, again):
        assert post.json()["stackTrace"] == [f'  File "{any_python.root}/app.py", line 8, in handler\n    1 / 0\n']
    assert mine.json() == still.json()
    assert mine.json() in ("mine", True)


def test_other_imports_are_left_as_they_were(function: Function, api: FakeRuntimeAPI) -> None:
    """After a report nothing of the library stands under a name of the function, and sys.path is what it was."""
    function.write("NAME = 'mine'\n", "traceback.py")
    function.write("""
        import sys
        path = sys.path[:]
        def handler(event, context):
            if event:
                return ["traceback" in sys.modules, sys.path == path]
            1 / 0
        """)
    api.event(b"0")
    api.event(b"1")
    assert function.run().posts[1].json() == [False, True]


def test_bad_json_is_reported_beside_a_json_of_the_function(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The words are ours then, the type is the documented one."""
    any_python.write("", "json.py")
    any_python.write(ECHO)
    api.event(b"bad json")
    assert any_python.run().post.json()["errorType"] == "Runtime.UnmarshalError"


def test_the_event_loop_is_not_part_of_the_stack(any_python: Function, api: FakeRuntimeAPI) -> None:
    """An `async def` handler's stack begins in its own file; what the function calls stays in."""
    any_python.write("""
        import asyncio
        async def handler(event, context):
            await asyncio.wait_for(fails(), 5)
        async def fails():
            raise LookupError("x")
        """)
    api.event()
    stack = any_python.run().post.json()["stackTrace"]
    assert stack[0].startswith(f'  File "{any_python.root}/app.py", line 4, in handler\n')
    assert stack[-1].startswith(f'  File "{any_python.root}/app.py", line 6, in fails\n')
    assert any("/asyncio/" in entry for entry in stack[1:-1])


def test_an_event_loop_the_function_runs_itself_is_part_of_the_stack(function: Function, api: FakeRuntimeAPI) -> None:
    """Below a frame of the function nothing is left out."""
    function.write("import asyncio\nasync def work(): 1 / 0\ndef handler(event, context): asyncio.run(work())\n")
    api.event()
    stack = function.run().post.json()["stackTrace"]
    assert f'"{function.root}/app.py", line 3, in handler' in stack[0]
    assert "asyncio" in stack[1]


def test_an_import_that_fails_within_the_function_says_where(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The documented members are those of AWS's runtime; the cause has the place."""
    any_python.write("import helper\ndef handler(event, context): pass\n")
    any_python.write("\nimport no_such_package\n", "helper.py")
    error = any_python.run().post.json()
    assert error["errorMessage"] == "Unable to import module 'app': No module named 'no_such_package'"
    assert error["stackTrace"] == []
    assert [line.split("\n")[0] for line in error["cause"]["stackTrace"]] == [
        f'  File "{any_python.root}/app.py", line 1, in <module>',
        f'  File "{any_python.root}/helper.py", line 2, in <module>',
    ]


def test_a_group_is_reported_with_its_members(any_python: Function, api: FakeRuntimeAPI) -> None:
    """In the body and in the log, indented; Python 3.10 has groups from a package that names them alike."""
    any_python.write("""
        try:
            ExceptionGroup
        except NameError:
            class BaseExceptionGroup(BaseException):
                def __init__(self, message, exceptions):
                    self.message, self.exceptions = message, exceptions
                def __str__(self): return self.message
            class ExceptionGroup(BaseExceptionGroup): pass
        def handler(event, context):
            raise ExceptionGroup("many", [ValueError("a"), ExceptionGroup("some", [KeyError("b")])])
        """)
    api.event()
    outcome = any_python.run()
    first, second = outcome.post.json()["exceptions"]
    assert first == {"errorMessage": "a", "errorType": "ValueError", "stackTrace": []}
    assert (second["errorType"], second["exceptions"][0]["errorType"]) == ("ExceptionGroup", "KeyError")
    lines = outcome.stdout.split("\r")
    assert lines[-3] == "\u00a0\u00a0Exception 1 of 2: ValueError: a"
    assert lines[-1] == "\u00a0\u00a0\u00a0\u00a0Exception 1 of 1: KeyError: 'b'\n"


def raised(make: Callable[[], BaseException]) -> BaseException:
    """An exception that was raised and caught."""
    try:
        raise make()
    except BaseException as error:
        return error


def chain_of(errors: list[BaseException]) -> BaseException:
    """Each exception caused by the next; the first one."""
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def to_json(value: object) -> bytes:
    """As an error is encoded on a runtime of one's own."""
    return Marshaller(ascii_only=True).to_json(value)


def test_causes_and_notes_follow_the_documented_members() -> None:
    """Explicit causes, implicit ones and notes, each under its own key."""
    error = raised(lambda: chain_of([ValueError("a"), KeyError("b")]))
    assert error.__cause__ is not None
    error.__cause__.__context__ = OSError("c")
    error.__notes__ = ["one", "two\nlines"]  # type: ignore[attr-defined]
    fields: dict[str, Any] = ErrorReport.of(error).fields("id")
    assert list(fields) == ["errorMessage", "errorType", "requestId", "stackTrace", "cause", "notes"]
    assert fields["notes"] == ["one", "two\nlines"]
    cause = fields["cause"]
    assert (cause["errorType"], cause["context"]) == (
        "KeyError",
        {"errorMessage": "c", "errorType": "OSError", "stackTrace": []},
    )


def test_a_suppressed_context_is_not_shown() -> None:
    """`raise … from None` means it."""
    error = ValueError("a")
    error.__context__ = KeyError("b")
    assert "context" in ErrorReport.of(error).fields()
    error.__suppress_context__ = True
    assert "context" not in ErrorReport.of(error).fields()


def test_the_log_tells_what_led_to_what() -> None:
    """Notes below the message, then the stack, then each cause under a heading."""
    error = chain_of([ValueError("a"), KeyError("b\nc")])
    error.__notes__ = ["note\n  more"]  # type: ignore[attr-defined]
    assert error.__cause__ is not None
    error.__cause__.__context__ = OSError("d")
    assert ErrorReport.of(error).log_lines() == [
        *("[ERROR] ValueError: a", "note", "\u00a0\u00a0more", "Traceback (most recent call last):"),
        *("Caused by KeyError: 'b\\nc'", "While handling OSError: d"),
    ]


def test_a_circle_of_causes_ends() -> None:
    """Each exception is reported once."""
    one, two = ValueError("1"), ValueError("2")
    one.__cause__, two.__cause__ = two, one
    fields: dict[str, Any] = ErrorReport.of(one).fields()
    assert fields["cause"] == {"errorMessage": "2", "errorType": "ValueError", "stackTrace": []}


def test_a_chain_of_thousands_is_cut_and_says_so() -> None:
    """The errors nearest to the one that was raised are shown."""
    report = ErrorReport.of(chain_of([ValueError(str(n)) for n in range(5_000)]))
    shown = list(report._walk())
    assert [entry.message for entry in shown] == [str(n) for n in range(51)]
    assert shown[-1].notes == ["more errors belong to this one than are shown"]


def test_a_group_of_thousands_is_cut_and_says_so() -> None:
    """As a chain is."""
    group = type("BaseExceptionGroup", (Exception,), {"exceptions": [ValueError(n) for n in range(9_999)]})("many")
    report = ErrorReport.of(group)
    assert len(report.members) == 50
    assert report.notes == ["more errors belong to this one than are shown"]


def failing(*_: object) -> None:
    """What an attribute may do."""
    raise SystemExit("no")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("__notes__", property(failing)),
        ("__notes__", "text"),
        ("__notes__", [type("Note", (), {"__str__": failing})()]),
        ("__cause__", property(failing)),
        ("__cause__", 5),
        ("exceptions", property(failing)),
        ("exceptions", 5),
        ("exceptions", ["no exception"]),
        ("__suppress_context__", property(failing)),
    ],
)
def test_attributes_of_an_exception_are_not_trusted(name: str, value: object) -> None:
    """They may fail or hold anything."""
    base = type("BaseExceptionGroup", (Exception,), {})
    fields = ErrorReport.of(type("Odd", (base,), {name: value})("m")).fields()
    assert (fields["errorType"], fields["errorMessage"]) == ("Odd", "m")
    assert to_json(fields)


def test_an_exception_that_cannot_be_looked_at_keeps_its_name() -> None:
    """Not even its class and its metaclass are trusted."""
    meta = type("Meta", (type,), {"__name__": property(failing), "__mro__": property(failing)})
    fields = ErrorReport.of(meta("Odd", (Exception,), {"__class__": property(failing)})("m")).fields()
    assert fields == {"errorMessage": "", "errorType": "Odd", "requestId": "", "stackTrace": []}


def test_xray_gets_the_chain_by_ids() -> None:
    """Each exception has an id of 16 hexadecimal digits and names the one that caused it."""
    error = raised(lambda: chain_of([ValueError("a"), KeyError("b"), OSError("c")]))
    exceptions = json.loads(ErrorReport.of(error).cause(to_json))["exceptions"]
    assert [exception["type"] for exception in exceptions] == ["ValueError", "KeyError", "OSError"]
    ids = [exception["id"] for exception in exceptions]
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)
    assert [exception.get("cause") for exception in exceptions] == [*ids[1:], None]


HUGE: dict[str, Callable[[], BaseException]] = {
    "message": lambda: ValueError("ä" * 5_000_000),
    "astral": lambda: ValueError("\U0001f600" * 1_000_000),
    "causes": lambda: chain_of([ValueError("x" * 1_000_000) for _ in range(40)]),
    "name": lambda: type("N" * 9_000_000, (Exception,), {})("m"),
    "notes": lambda: chain_of([noted("n" * 8_000_000), noted("n" * 8_000_000)]),
}


def noted(note: str) -> ValueError:
    """An exception with a note."""
    error = ValueError("m")
    error.__notes__ = [note]  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_report_is_cut_to_its_place(kind: str) -> None:
    """An answer, the trailer of a stream and X-Ray's document each have a limit; what is sent is valid."""
    report = ErrorReport.of(HUGE[kind]())
    body, trailer = report.body(to_json, "id"), report.body(to_json, "id", TRAILER_BYTES_MAX)
    for data, limit in ((body, BODY_BYTES_MAX), (trailer, TRAILER_BYTES_MAX)):
        assert len(data) <= limit
        assert json.loads(data)["errorType"][:10] in ("ValueError", "N" * 10)
    cause = report.cause(to_json)
    assert len(cause) <= CAUSE_CHARS_MAX
    assert json.loads(cause)["exceptions"]


def test_a_report_is_shorter_where_a_sandbox_serves_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 MiB there, else 6 MiB."""
    assert body_bytes_max() == 6 * 1024 * 1024
    monkeypatch.setenv("AWS_LAMBDA_MAX_CONCURRENCY", "8")
    assert body_bytes_max() == 1024 * 1024


def test_a_report_within_the_limits_is_whole() -> None:
    """Nothing is cut that has room."""
    report = ErrorReport.of(chain_of([ValueError("x" * 1_000), KeyError("y")]))
    assert json.loads(report.body(to_json, "id", TRAILER_BYTES_MAX)) == report.fields("id")


def test_what_led_to_an_error_of_ours_is_shown_if_it_was_the_functions() -> None:
    """The inner workings of the bootstrap are nobody's business."""
    error = FunctionError("Runtime.MarshalError", "m")
    error.__cause__ = ValueError("ours")
    assert "cause" not in ErrorReport.of(error).fields()
    error.__cause__ = raised(lambda: ValueError("theirs"))
    assert "cause" in ErrorReport.of(error).fields()


def test_an_error_is_reported_when_no_file_can_be_opened(any_python: Function, api: FakeRuntimeAPI) -> None:
    """What a report needs is loaded before: only the sources of the lines are missing."""
    any_python.write("""
        import os
        def handler(event, context):
            files = []
            while True:
                files.append(os.open("/dev/null", os.O_RDONLY))
        """)
    any_python.command = [
        "-c",
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
        f"os.execv(sys.executable, [sys.executable, {any_python.command[0]!r}])",
    ]
    api.event()
    error = any_python.run().post.json()
    assert error["errorType"] == "OSError"
    assert error["stackTrace"] == [f'  File "{any_python.root}/app.py", line 6, in handler\n']


def test_output_that_cannot_show_a_character_does_not_stop_a_report(function: Function, api: FakeRuntimeAPI) -> None:
    """An ASCII stdout gets escapes."""
    function.environ["PYTHONIOENCODING"] = "ascii:strict"
    function.handler("raise ValueError('ä')")
    api.event()
    outcome = function.run()
    assert outcome.post.json()["errorMessage"] == "ä"
    assert outcome.stdout.startswith("[ERROR] ValueError: \\xe4\r")

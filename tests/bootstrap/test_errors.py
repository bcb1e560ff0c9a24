"""Error reports are valid whatever the exception is."""

import json

import pytest

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


@pytest.mark.parametrize("name", ["traceback", "linecache", "tokenize", "token", "json", "re", "textwrap"])
def test_modules_of_the_function_named_like_the_library_do_no_harm(
    any_python: Function, api: FakeRuntimeAPI, name: str
) -> None:
    """A report is made without `traceback` when the function's files break it."""
    any_python.write("", f"{name}.py")
    any_python.handler("1 / 0")
    api.event()
    api.event(b"bad json")
    first, second = any_python.run().posts
    assert first.json()["errorType"] == "ZeroDivisionError"
    assert first.json()["stackTrace"][0].startswith(f'  File "{any_python.root}/app.py", line 2, in handler\n')
    assert second.json()["errorType"] == "Runtime.UnmarshalError"


def test_output_that_cannot_show_a_character_does_not_stop_a_report(function: Function, api: FakeRuntimeAPI) -> None:
    """An ASCII stdout gets escapes."""
    function.environ["PYTHONIOENCODING"] = "ascii:strict"
    function.handler("raise ValueError('ä')")
    api.event()
    outcome = function.run()
    assert outcome.post.json()["errorMessage"] == "ä"
    assert outcome.stdout.startswith("[ERROR] ValueError: \\xe4\r")

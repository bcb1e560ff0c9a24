"""What the function logs and prints: text, JSON, frames; and how it gets along with the function's own logging."""

import json
import os
import re
import socket
import struct
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.log import json_log

from .fake_runtime_api import REQUEST_ID, FakeRuntimeAPI, event_headers, http_reply
from .function import BOOTSTRAP, Function, Outcome

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
FRAME_HEAD = struct.Struct(">IIQ")
LOG_FD = 9
# Opens the log file on a descriptor its child inherits, as the platform does.
GIVE_LOG_FD = f"""
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.dup2(fd, {LOG_FD})
os.close(fd)
os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = "{LOG_FD}"
os.execv(sys.executable, [sys.executable, {str(BOOTSTRAP)!r}])
"""


def text_line(level: str, message: str, request_id: str = REQUEST_ID) -> re.Pattern[str]:
    """A record in text form."""
    return re.compile(rf"\[{level}\]\t{TIME}\t{request_id}\t{message}\n")


def refuse_constant(name: str) -> None:
    """NaN and infinities, which Python would accept."""
    raise AssertionError(f"{name} is not JSON")


def records_of(output: str) -> list[dict[str, Any]]:
    """Each line as an object of strict JSON."""
    assert output.endswith("\n") or not output
    return [json.loads(line, parse_constant=refuse_constant) for line in output.split("\n")[:-1]]


def messages_of(output: str) -> list[Any]:
    """The messages of records."""
    return [record["message"] for record in records_of(output)]


@pytest.fixture
def json_function(function: Function) -> Function:
    """A function with the log format JSON."""
    function.environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    return function


def run_once(function: Function, body: str) -> Outcome:
    """Run a handler with these statements on one event."""
    function.handler(body)
    function.api.event()
    return function.run()


def test_a_record_is_a_line_of_text(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Level, time in milliseconds, request id and message, as AWS's own runtime writes them."""
    any_python.write(
        "import logging\nlogging.warning('loading')\ndef handler(event, context): logging.error('a %s', 1)"
    )
    api.event()
    first, second = any_python.run().stdout.splitlines(keepends=True)
    assert text_line("WARNING", "loading", "").fullmatch(first)
    assert text_line("ERROR", "a 1").fullmatch(second)


def test_an_exception_in_a_record_ends_its_line(function: Function) -> None:
    """The stack follows the message without an empty line, and what comes next begins a new one."""
    body = "import logging\ntry: 1 / 0\nexcept ArithmeticError: logging.exception('failed')\nprint('next')"
    lines = run_once(function, body).stdout.splitlines()
    assert lines[0].endswith("\tfailed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-2:] == ["ZeroDivisionError: division by zero", "next"]


@pytest.mark.parametrize(
    ("name", "level"),
    [("", 30), ("trace", 10), ("DEBUG", 10), ("Info", 20), ("WARN", 30), ("ERROR", 40), ("FATAL", 50), ("loud", 30)],
)
def test_the_level_is_the_one_of_the_environment(function: Function, name: str, level: int) -> None:
    """Names in any case, those of Lambda and those of Python; what is no level changes nothing."""
    function.environ["AWS_LAMBDA_LOG_LEVEL"] = name
    assert run_once(function, "import logging; return logging.getLogger().level").post.json() == level


def test_an_uncaught_error_is_shown_at_any_level(function: Function) -> None:
    """Not even FATAL keeps it back."""
    function.environ["AWS_LAMBDA_LOG_LEVEL"] = "FATAL"
    assert run_once(function, "raise ValueError('x')").stdout.startswith("[ERROR] ValueError: x\r")


def test_the_request_id_is_there_in_threads_of_the_function(function: Function) -> None:
    """One invocation at a time is everybody's."""
    body = "import logging, threading\nt = threading.Thread(target=logging.error, args=('x',)); t.start(); t.join()"
    assert text_line("ERROR", "x").fullmatch(run_once(function, body).stdout)


def test_basic_config_sets_the_level(any_python: Function) -> None:
    """The line every tutorial begins with does what it says, and the format stays Lambda's."""
    body = "import logging; logging.basicConfig(level=logging.INFO); logging.info('seen'); logging.debug('not')"
    assert text_line("INFO", "seen").fullmatch(run_once(any_python, body).stdout)


BASIC_CONFIGS = {
    "format='%(levelname)s|%(message)s'": ("WARNING|x\n", ""),
    "format='{levelname}/{message}', style='{'": ("WARNING/x\n", ""),
    "format='%(asctime)s %(message)s', datefmt='then'": ("then x\n", ""),
    "stream=sys.stderr, format='%(message)s'": ("", "x\n"),
    "force=True": ("", "WARNING:root:x\n"),
    "handlers=[logging.StreamHandler(sys.stdout)], format='mine %(message)s'": ("mine x\n", ""),
}


@pytest.mark.parametrize("options", BASIC_CONFIGS)
def test_basic_config_is_obeyed(function: Function, options: str) -> None:
    """A format goes to our handler, a place replaces it, as if it were one that basicConfig() made."""
    body = f"import logging, sys; logging.basicConfig({options}); logging.warning('x')"
    outcome = run_once(function, body)
    assert (outcome.stdout, outcome.stderr) == BASIC_CONFIGS[options]


def test_a_basic_config_that_fails_changes_nothing(function: Function) -> None:
    """The handler is still there."""
    body = """
        import logging
        for options in ({"styel": "{"}, {"stream": None, "filename": "/nowhere/x"}):
            try: logging.basicConfig(**options)
            except (ValueError, OSError): pass
        logging.warning('x')
        """
    assert text_line("WARNING", "x").fullmatch(run_once(function, body).stdout)


IDIOMS = {
    "root.handlers[0].setFormatter(logging.Formatter('%(aws_request_id)s %(tenant_id)s %(message)s'))": (
        f"{REQUEST_ID} None x\n"
    ),
    "root.handlers.clear(); root.addHandler(logging.StreamHandler(sys.stdout))": "x\n",
    "[root.removeHandler(h) for h in list(root.handlers)]; logging.basicConfig(stream=sys.stdout, format='b %(message)s')": (
        "b x\n"
    ),
    "root.addHandler(logging.StreamHandler(sys.stdout))": "x\n",
    "logging.getLogger('own').addHandler(logging.StreamHandler(sys.stdout))": "x\n",
    "logging.getLogger('own').addHandler(logging.StreamHandler(sys.stdout)); logging.getLogger('own').propagate = False": (
        "x\n"
    ),
    "import logging.config; logging.config.dictConfig({'version': 1, 'root': {'handlers': ['h']}, 'handlers': "
    "{'h': {'class': 'logging.StreamHandler', 'stream': 'ext://sys.stdout'}}})": "x\n",
    "logging.getLogger('own').setLevel('ERROR')": "",
}


@pytest.mark.parametrize("idiom", IDIOMS)
def test_what_functions_do_to_their_logging_works(function: Function, idiom: str) -> None:
    """One line for one record, in the format the function asked for."""
    body = f"import logging, sys; root = logging.getLogger()\n{idiom}\nlogging.getLogger('own').warning('x')"
    assert run_once(function, body).stdout == IDIOMS[idiom]


@pytest.mark.parametrize("handler", ["logging.FileHandler('/dev/null')", "logging.NullHandler()", "quiet"])
def test_a_handler_that_prints_nothing_takes_nothing_away(function: Function, handler: str) -> None:
    """Only what stands on the console already is left out."""
    body = f"""
        import logging, sys
        quiet = logging.StreamHandler(sys.stdout); quiet.setLevel("CRITICAL")
        logging.getLogger("own.child").parent.addHandler({handler})
        logging.getLogger("own.child").warning("x")
        """
    assert text_line("WARNING", "x").fullmatch(run_once(function, body).stdout)


def test_a_logging_module_of_the_function_is_left_alone(any_python: Function) -> None:
    """It is imported instead of the library's and gets nothing."""
    any_python.write("def basicConfig(): return 'mine'\nseen = sorted(globals())", "logging.py")
    body = (
        "import logging, sys; return [logging.basicConfig(), len(logging.seen) < 20, 'logging.handlers' in sys.modules]"
    )
    assert run_once(any_python, body).post.json() == ["mine", True, False]


def test_logging_that_was_looked_for_before_is_configured(any_python: Function) -> None:
    """Code that asks whether a module exists does not import it; and nothing of ours stays on sys.meta_path."""
    body = """
        import importlib.util, sys
        assert importlib.util.find_spec("logging").loader
        before = len(sys.meta_path)
        import logging
        logging.warning("x")
        return [before - len(sys.meta_path), sorted(vars(logging.__spec__.loader))]
        """
    outcome = run_once(any_python, body)
    assert text_line("WARNING", "x").fullmatch(outcome.stdout)
    assert outcome.post.json() == [1, ["name", "path"]]


def test_logging_that_is_loaded_already_is_configured(function: Function) -> None:
    """A .pth file of the function may have imported it."""
    function.write("import logging\n", "early.pth")
    assert text_line("WARNING", "x").fullmatch(run_once(function, "import logging; logging.warning('x')").stdout)


def test_a_record_is_an_object_in_json(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The documented members in their order, then what the function adds; no member is null."""
    any_python.environ["AWS_LAMBDA_LOG_FORMAT"] = "json"
    any_python.handler(
        "import logging\nlogging.getLogger('own').warning('ä %s', 1, extra={'order': [1], 'gone': None})"
    )
    api.event(Lambda_Runtime_Aws_Tenant_Id="blue")
    stdout = any_python.run().stdout
    (record,) = records_of(stdout)
    assert list(record) == ["timestamp", "level", "message", "logger", "requestId", "tenantId", "order"]
    assert re.fullmatch(TIME, record.pop("timestamp"))
    assert list(record.values()) == ["WARN", "ä 1", "own", REQUEST_ID, "blue", [1]]
    assert "ä" in stdout


def test_the_levels_are_those_of_lambda(json_function: Function) -> None:
    """Numbers between two levels belong to the lower one."""
    json_function.environ["AWS_LAMBDA_LOG_LEVEL"] = "DEBUG"
    body = "import logging\nlogging.getLogger().setLevel(1)\nfor n in (5, 10, 25, 30, 40, 50, 99): logging.log(n, n)"
    levels = [record["level"] for record in records_of(run_once(json_function, body).stdout)]
    assert levels == ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "FATAL"]


def test_an_exception_in_a_record_has_members_of_its_own(json_function: Function) -> None:
    """Stack, type, message and place, then what led to it."""
    body = """
        import logging
        try:
            try: 1 / 0
            except ArithmeticError as e: raise ValueError("v") from e
        except ValueError: logging.exception("failed")
        """
    (record,) = records_of(run_once(json_function, body).stdout)
    assert list(record)[2:] == [
        *("message", "logger", "stackTrace", "errorType", "errorMessage", "requestId", "location", "cause"),
    ]
    assert (record["errorType"], record["errorMessage"]) == ("ValueError", "v")
    assert record["location"] == f"{json_function.root}/app.py:handler:7"
    assert record["stackTrace"][0].startswith(f'  File "{json_function.root}/app.py", line 6, in handler\n')
    assert record["cause"]["errorType"] == "ZeroDivisionError"


ODD_RECORDS = {
    "logging.error({'a': 1, 'b': {'c': [True]}})": {"a": 1, "b": {"c": [True]}},
    "logging.error({'n': float('nan'), 'i': [float('-inf')], 'one': 1.5})": {"n": "nan", "i": ["-inf"], "one": 1.5},
    "logging.error('\\ud800 \\x00 \\n \\u2028')": "\ud800 \x00 \n \u2028",
    "d = {}; d['d'] = [d]; logging.error(d)": {"d": ["..."]},
    "logging.error({(1, 2): Broken()})": {"(1, 2)": "<Broken whose str() failed>"},
    "logging.error({'o': Plain()})": {"o": "plain"},
    "logging.error('no error', exc_info=True)": "no error",
    "logging.error(['not', 'text'])": "['not', 'text']",
}


@pytest.mark.parametrize("statement", ODD_RECORDS)
def test_an_odd_record_is_valid_json(json_function: Function, statement: str) -> None:
    """Whatever is in it, and on one line."""
    json_function.write(f"""
        import logging
        class Broken:
            def __str__(self): raise ValueError
        class Plain:
            def __str__(self): return "plain"
        def handler(event, context):
            {statement}
        """)
    json_function.api.event()
    assert messages_of(json_function.run().stdout) == [ODD_RECORDS[statement]]


def test_extra_members_do_not_hide_documented_ones(json_function: Function) -> None:
    """What is printed by whom stays clear; a stack asked for is shown."""
    extra = {"level": "x", "requestId": "y", "stackTrace": "z", "logger": "w"}
    body = f"import logging; logging.error('m', extra={extra}, stack_info=True)"
    (record,) = records_of(run_once(json_function, body).stdout)
    assert record["stack_info"].startswith("Stack (most recent call last):")
    assert [record["level"], record["requestId"], record["logger"]] == ["ERROR", REQUEST_ID, "root"]
    assert "stackTrace" not in record


def test_a_record_that_cannot_be_made_does_not_stop_the_function(json_function: Function) -> None:
    """Python's own complaint appears, as records on stderr."""
    outcome = run_once(json_function, "import logging; logging.error('%d', 'x'); return 1")
    assert outcome.post.json() == 1
    assert messages_of(outcome.stderr)[0] == "--- Logging error ---"


def test_a_formatter_of_the_function_is_used_in_json(json_function: Function) -> None:
    """Its text becomes a message with the level of the record; its JSON passes as it is."""
    body = """
        import logging
        for form in ("text %(message)s", '{"mine": "%(message)s"}'):
            logging.getLogger().handlers[0].setFormatter(logging.Formatter(form))
            logging.error("x")
        """
    text, own = records_of(run_once(json_function, body).stdout)
    assert (text["message"], text["level"], own) == ("text x", "ERROR", {"mine": "x"})


@pytest.mark.parametrize("option", ["", "stream=sys.stdout", "force=True", "stream=sys.stderr, force=True"])
@pytest.mark.parametrize("before", ["", "logging.root.handlers.clear()"])
def test_basic_config_keeps_the_json_format(json_function: Function, option: str, before: str) -> None:
    """There is one format of JSON logs on the console, so that no level gets lost; the level to log from is taken."""
    body = f"""
        import logging, sys
        {before}
        logging.basicConfig(level='INFO', format='%(message)s', {option}); logging.info('x')
        """
    (record,) = records_of(run_once(json_function, body).stdout)
    assert (record["level"], record["message"], record["logger"]) == ("INFO", "x", "root")


def test_a_plain_handler_of_the_function_hides_no_level_in_json(json_function: Function) -> None:
    """What it prints is a message without a level: the record stands beside it. One with a format of its own does not."""
    body = """
        import logging, sys
        class Own(logging.Formatter):
            def format(self, record): return '{"own": "%s"}' % record.msg
        handler = logging.StreamHandler(sys.stdout); logging.getLogger("a").addHandler(handler)
        logging.getLogger("a").error("plain")
        handler.setFormatter(Own())
        logging.getLogger("a").error("own")
        """
    line, record, own = records_of(run_once(json_function, body).stdout)
    assert [(each["message"], each["level"]) for each in (line, record)] == [("plain", "INFO"), ("plain", "ERROR")]
    assert own == {"own": "own"}


def test_printed_lines_become_records(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Those of stdout and those of stderr, each with the request id of its invocation."""
    any_python.environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    any_python.write("""
        import sys
        print("loading")
        def handler(event, context):
            print("a", 1, "ä\\udcff"); print(); print("two\\nlines"); print("oops", file=sys.stderr)
        """)
    api.event(Lambda_Runtime_Aws_Tenant_Id="blue")
    outcome = any_python.run()
    loading, *records = records_of(outcome.stdout)
    assert re.fullmatch(TIME, loading.pop("timestamp"))
    assert loading == {"level": "INFO", "message": "loading", "requestId": ""}
    assert [record["message"] for record in records] == ["a 1 ä\\udcff", "two", "lines"]
    assert {(record["level"], record["requestId"], record["tenantId"]) for record in records} == {
        ("INFO", REQUEST_ID, "blue")
    }
    assert messages_of(outcome.stderr) == ["oops"]


def test_a_printed_object_passes_as_it_is(json_function: Function) -> None:
    """Structured logging of the function's own; what only looks like it becomes a message, also in several lines."""
    lines = ['{"level": "WARN",  "a": 1}', " {} ", '{"n": NaN}', "[1]", "{", '{"a": 1} {"b": 2}', "a\rb"]
    outcome = run_once(json_function, f"for line in {lines}: print(line)")
    passed, *rest = outcome.stdout.splitlines()
    assert passed == lines[0]
    assert [json.loads(line)["message"] for line in rest] == lines[1:]


def test_the_start_of_a_line_is_held_until_its_end(json_function: Function) -> None:
    """However it is written, also with a flush in between, and however long it is."""
    body = """
        import sys
        print("a", end="", flush=True); sys.stdout.write("b"); sys.stdout.buffer.write(b"c\\r\\nd"); print()
        for _ in range(300): sys.stdout.write("x" * 10_000)
        print()
        """
    short, end, long = messages_of(run_once(json_function, body).stdout)
    assert (short, end) == ("abc", "d")
    assert long == "x" * 3_000_000


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_all_output_is_out_before_the_answer(function: Function, api: FakeRuntimeAPI, log_format: str) -> None:
    """The start of a line as well, for the process may be frozen then."""
    function.environ["AWS_LAMBDA_LOG_FORMAT"] = log_format
    seen: list[tuple[str, str]] = []
    api.on_post = lambda: seen.append((function.stdout(), function.stderr()))
    run_once(function, "import sys; print('out', end=''); print('err', end='', file=sys.stderr)")
    if log_format == "Text":
        assert seen == [("out", "err")]
    else:
        assert [messages_of(text) for text in seen[0]] == [["out"], ["err"]]


def test_what_is_printed_after_the_last_answer_is_not_lost(json_function: Function) -> None:
    """Neither at the end of the process nor in a forked child, which does not print its parent's part."""
    body = """
        import os, sys
        print("parent", end="")
        if os.fork() == 0:
            print("child", end=""); sys.stdout.flush(); os._exit(0)
        os.wait()
        import atexit; atexit.register(print, "exit", end="")
        sys.exit(3)
        """
    child, parent, _, at_exit = records_of(run_once(json_function, body).stdout)
    assert [record["message"] for record in (child, parent, at_exit)] == ["child", "parent", "exit"]


def test_streams_stay_what_functions_expect(json_function: Function) -> None:
    """Descriptor, redirection, wrong types and replacing the stream work as on any text stream."""
    body = """
        import contextlib, io, sys
        with contextlib.redirect_stdout(io.StringIO()) as caught:
            print("caught")
        try: sys.stdout.write(b"x")
        except TypeError as e: wrong = str(e)
        facts = [caught.getvalue(), wrong, sys.stdout.fileno(), sys.stdout.isatty(), sys.stdout.encoding, sys.stderr.name]
        sys.stdout.reconfigure(line_buffering=True)
        sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1", line_buffering=True)
        print("replaced")
        return facts
        """
    outcome = run_once(json_function, body)
    wrong = "write() argument must be str, not bytes"
    assert outcome.post.json() == ["caught\n", wrong, 1, False, "utf-8", "<stderr>"]
    assert messages_of(outcome.stdout) == ["replaced"]


@pytest.mark.parametrize("harm", ["sys.stdout.close()", "sys.stdout.detach()", "sys.stdout = None", "del sys.stdout"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_a_function_without_stdout_is_served(function: Function, harm: str, log_format: str) -> None:
    """Log lines may get lost, answers do not."""
    function.environ["AWS_LAMBDA_LOG_FORMAT"] = log_format
    body = f"import logging, sys\n{harm}\nlogging.warning('x'); context.log('y'); 1 / 0"
    assert run_once(function, body).post.json()["errorType"] == "ZeroDivisionError"


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_a_process_started_without_stdout_is_served(function: Function, log_format: str) -> None:
    """Its number may be the one of the socket: nothing may be written there."""
    function.environ["AWS_LAMBDA_LOG_FORMAT"] = log_format
    function.command = ["-c", f"import os, sys; os.close(1); os.execv(sys.executable, ['python', {str(BOOTSTRAP)!r}])"]
    assert run_once(function, "import logging; print('x'); logging.warning('y'); return 1").post.json() == 1


def test_lines_of_threads_do_not_mix(json_function: Function) -> None:
    """Each line is one record, whoever prints at the same time."""
    body = """
        import logging, threading
        def work(n):
            for _ in range(200): print(n, n * 2, str(n) * 50); logging.error("%s %s %s", n, n * 2, str(n) * 50)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        """
    messages = messages_of(run_once(json_function, body).stdout)
    assert sorted(messages) == sorted(f"{n} {n * 2} {str(n) * 50}" for n in range(4) for _ in range(400))


def test_a_line_begun_between_invocations_is_out_before_the_answer(
    json_function: Function, api: FakeRuntimeAPI
) -> None:
    """It belongs to the invocation before, which nobody answers again."""
    json_function.write("""
        import threading

        def work():
            open("asked").read()
            print("begun", end="")
            open("begun", "w").close()
            threading.Event().wait()

        def handler(event, context):
            if event == 1:
                threading.Thread(target=work, daemon=True).start()
        """)
    for name in ("asked", "begun"):
        os.mkfifo(json_function.root / name)

    def let_it_print() -> None:
        (json_function.root / "asked").write_bytes(b"")
        (json_function.root / "begun").read_bytes()

    api.event(b"1")
    api.reply(http_reply(200, event_headers(), b"2"), before=let_it_print)
    assert messages_of(json_function.run().stdout) == ["begun"]


def test_the_context_logs_as_well(function: Function, json_function: Function) -> None:
    """A text each, which is a record in JSON."""
    assert messages_of(run_once(json_function, "context.log('a\\n'); context.log(5)").stdout) == ["a", "5"]


def test_an_uncaught_error_is_one_object(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The posted report with time and level in front, for an invocation and for a failed load."""
    any_python.environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    any_python.handler("raise ValueError('a\\nb') from KeyError('k')")
    api.event()
    outcome = any_python.run()
    (record,) = records_of(outcome.stdout)
    assert list(record)[:2] == ["timestamp", "level"]
    assert re.fullmatch(TIME, record.pop("timestamp"))
    assert record.pop("level") == "ERROR"
    assert record == outcome.post.json()
    assert record["cause"]["errorType"] == "KeyError"


def test_a_failed_load_is_one_object(json_function: Function) -> None:
    """Also in JSON the log says why."""
    json_function.write("raise LookupError('no table')")
    outcome = json_function.run()
    (record,) = records_of(outcome.stdout)
    assert (record["errorType"], record["level"], record["requestId"]) == ("LookupError", "ERROR", "")


def test_a_complaint_is_a_record(json_function: Function, api: FakeRuntimeAPI) -> None:
    """At a level that is noticed."""
    api.post_reply(http_reply(413, {}, b"too large"))
    (record,) = records_of(run_once(json_function, "return 1").stdout)
    assert record["level"] == "WARN"
    assert record["message"].startswith("pilotlight: the Runtime API refused ")


def test_many_invocations_at_once_are_logged_as_json(function: Function) -> None:
    """Whatever the format is configured to be."""
    function.environ |= {"AWS_LAMBDA_MAX_CONCURRENCY": "1", "AWS_LAMBDA_LOG_FORMAT": "Text"}
    assert "x" in messages_of(run_once(function, "print('x')").stdout)


def test_a_line_is_not_cut_by_the_answer_to_another_invocation(function: Function, tmp_path: Path) -> None:
    """What one invocation has begun to print is held while another one is answered in the same process."""
    function.environ["AWS_LAMBDA_MAX_CONCURRENCY"] = "2"
    answered, done = tmp_path / "answered", threading.Event()
    function.write(f"""
        import asyncio, os
        begun = []
        async def handler(event, context):
            if event:
                while not begun: await asyncio.sleep(0.001)
                return print("other")
            print("a", end="")
            begun.append(1)
            while not os.path.exists({str(answered)!r}): await asyncio.sleep(0.001)
            print("b")
        """)
    function.api.event(b"0")
    function.api.event(b"1")
    function.api.on_post = lambda: done.set() if answered.exists() else answered.touch()
    process = function.start()
    assert done.wait(20)
    process.terminate()
    assert messages_of(function.outcome().stdout) == ["other", "ab"]


class FramedFunction:
    """A function whose platform gives it a log descriptor, which leads to a file."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.file = Path(f"{function.root}.frames")
        function.command = ["-c", GIVE_LOG_FD, str(self.file)]

    def frames(self) -> list[tuple[str, str]]:
        """Type in hexadecimal and text of each frame."""
        data, found = self.file.read_bytes(), []
        while data:
            kind, length, micros = FRAME_HEAD.unpack_from(data)
            assert 1.7e15 < micros < 5e15
            found.append((f"{kind:x}", data[FRAME_HEAD.size :][:length].decode()))
            data = data[FRAME_HEAD.size + length :]
        return found


@pytest.fixture
def framed(function: Function) -> FramedFunction:
    """A function with a log descriptor."""
    return FramedFunction(function)


def test_records_go_to_the_log_descriptor(framed: FramedFunction) -> None:
    """One frame each with its level, the error that ends the invocation too; what is printed stays on stdout."""
    body = """
        import logging
        logging.getLogger().setLevel(1)
        for n in (5, 10, 20, 30, 40, 50): logging.log(n, n)
        context.log("c"); print("printed")
        raise ValueError("x")
        """
    outcome = run_once(framed.function, body)
    kinds, texts = zip(*framed.frames(), strict=True)
    levels = ("3", "b", "f", "13", "17", "1b")
    assert kinds == (*(f"a55a00{level:0>2}" for level in levels), "a55a0003", "a55a0017")
    assert text_line("INFO", "20").fullmatch(texts[2])
    assert texts[-2] == "c"
    assert texts[-1].split("\n")[:2] == ["[ERROR] ValueError: x", "Traceback (most recent call last):"]
    assert outcome.stdout == "printed\n"


def test_json_goes_to_the_log_descriptor(framed: FramedFunction) -> None:
    """Records, printed lines and errors alike."""
    framed.function.environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    outcome = run_once(framed.function, "import logging; logging.error('r'); print('p', end=''); raise ValueError('x')")
    record, printed, error = framed.frames()
    assert [frame[0] for frame in (record, printed, error)] == ["a55a0016", "a55a000e", "a55a0016"]
    assert [json.loads(record[1])["message"], json.loads(printed[1])["message"]] == ["r", "p"]
    assert json.loads(error[1])["errorMessage"] == "x"
    assert outcome.stdout + outcome.stderr == ""


def test_the_log_descriptor_is_nobody_elses(framed: FramedFunction) -> None:
    """It is not in the environment, and no child inherits it."""
    body = f"import os; return ['_LAMBDA_TELEMETRY_LOG_FD' in os.environ, os.get_inheritable({LOG_FD})]"
    assert run_once(framed.function, body).post.json() == [False, False]


@pytest.mark.parametrize("value", ["", "x", "-1", "77", "99999999999999999999"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_a_bad_log_descriptor_is_done_without(function: Function, value: str, log_format: str) -> None:
    """One complaint, and the records are on stdout."""
    function.environ |= {"_LAMBDA_TELEMETRY_LOG_FD": value, "AWS_LAMBDA_LOG_FORMAT": log_format}
    outcome = run_once(function, "import logging; logging.error('one'); logging.error('two')")
    assert [len(outcome.stdout.splitlines()), outcome.stdout.count("one")] == [2, 1]
    assert len(outcome.stderr.splitlines()) == (1 if value else 0)


def test_a_log_descriptor_that_breaks_is_replaced(framed: FramedFunction) -> None:
    """The record that found out is not lost."""
    body = f"import logging, os; logging.error(0); os.close({LOG_FD}); logging.error(1); logging.error(2)"
    outcome = run_once(framed.function, body)
    assert len(framed.frames()) == 1
    assert [line.rpartition("\t")[2] for line in outcome.stdout.splitlines()] == ["1", "2"]
    assert outcome.stderr == "pilotlight: the log descriptor broke: [Errno 9] Bad file descriptor\n"


def test_a_frame_is_written_as_a_whole(framed: FramedFunction) -> None:
    """Also to a pipe that takes it in parts and does not block, and where a module of the function is in the way."""
    framed.function.write("NAME = 'theirs'\n", "select.py")
    body = f"""
        import logging, os, threading
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.dup2(writer, {LOG_FD}); os.close(writer)
        got = []
        def read():
            while data := os.read(reader, 65536): got.append(data)
        thread = threading.Thread(target=read); thread.start()
        logging.error("x" * 1_000_000)
        os.close({LOG_FD}); thread.join()
        return len(b"".join(got))
        """
    head = len("[ERROR]\t2025-11-24T23:11:20.123Z\t\t\n") + len(REQUEST_ID)
    assert run_once(framed.function, body).post.json() == FRAME_HEAD.size + head + 1_000_000


def test_a_worker_gets_its_output_from_the_platform(function: Function, tmp_path: Path) -> None:
    """One connection for each of stdout and stderr, which its children have as well."""
    path = tmp_path / "socket"
    heard: list[bytes] = []

    def listen(listener: socket.socket) -> None:
        for _ in range(2):
            with listener.accept()[0] as connection, connection.makefile("rb") as stream:
                heard.append(stream.read())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        function.write(f"""
            import sys
            sys.modules["_pilotlight.logs"].connect_provider_socket({str(path)!r})
            def handler(event, context):
                import subprocess
                print("out"); subprocess.run(["echo", "child"]); print("err", file=sys.stderr)
            """)
        function.api.event()
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        outcome = function.run()
        thread.join(20)
    assert heard == [b"out\nchild\n", b"err\n"]
    assert outcome.stdout + outcome.stderr == ""


def test_a_provider_that_is_not_there_is_complained_about(function: Function) -> None:
    """Once for each stream, which stays as it is."""
    function.write(
        "import sys\nsys.modules['_pilotlight.logs'].connect_provider_socket('/nowhere/x')\ndef handler(*_): print(1)"
    )
    function.api.event()
    outcome = function.run()
    assert outcome.stdout == "1\n"
    assert [line[:38] for line in outcome.stderr.splitlines()] == [
        "pilotlight: descriptor 1 keeps its out",
        "pilotlight: descriptor 2 keeps its out",
    ]


class Recorded:
    """A place that keeps what it gets."""

    line_end = "\r"

    def __init__(self) -> None:
        self.text = ""

    def put(self, text: str, level: int) -> None:
        self.text += text


@dataclass(frozen=True)
class Caller:
    """As much of a context as a record needs."""

    aws_request_id: str
    tenant_id: str | None = None


@given(st.lists(st.text(alphabet='ab\r\n{}"ä\x00\ud800', max_size=8), max_size=8))
def test_lines_do_not_depend_on_how_they_are_written(pieces: list[str]) -> None:
    """Any text cut anyhow becomes the same messages, each a line of JSON, and nothing is held in the end."""
    place = Recorded()
    lines = json_log.LineRecords(sys.stdout, place)
    for piece in pieces:
        lines.write(piece.encode("utf-8", "backslashreplace"))
    lines.emit_held(None)
    text = "".join(pieces).encode("utf-8", "backslashreplace").decode()
    expected = [line.rstrip("\r") for line in text.split("\n")]
    assert [record.get("message", "{}") for record in records_of(place.text)] == [line for line in expected if line]


def test_invocations_at_the_same_time_have_lines_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within one thread; an answer hands over the lines of its invocation and no others."""
    place, one, two = Recorded(), Caller("1"), Caller("2", "blue")
    lines = json_log.LineRecords(sys.stdout, place)
    for caller, text in ((one, b"a"), (two, b"b"), (one, b"c")):
        monkeypatch.setattr(json_log, "current_context", lambda caller=caller: caller)
        lines.write(text)
    lines.emit_held(two)  # type: ignore[arg-type]
    lines.write(b"\n")
    first, second = records_of(place.text)
    assert (first["message"], first["requestId"], first["tenantId"]) == ("b", "2", "blue")
    assert (second["message"], second["requestId"]) == ("ac", "1")


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary() | st.just(object()) | st.just(1j),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.floats() | st.tuples(st.integers()) | st.none(), inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_any_value_is_one_line_of_json(value: object) -> None:
    """The place it takes is kept even where JSON has no name for it."""
    line = json_log.encode({"value": value, "after": 1})
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    (fields,) = records_of(line)
    assert list(fields) == ["value", "after"]

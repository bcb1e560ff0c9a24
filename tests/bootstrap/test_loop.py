"""One invocation after another: answers, refusals, exits, signals, output."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from bootstrap.client import LambdaRuntimeClient
from bootstrap.errors import SandboxError
from bootstrap.wire import Connection, Reply

from .fake_runtime_api import REQUEST_ID, FakeRuntimeAPI, event_headers, http_reply
from .function import ECHO, PATIENCE_S, Function

EVENTS: list[Any] = [{"a": {"b": []}}, [1, 2.5, -0.0, 1e300], "text", 10**40, True, None, "é😀e\u0301\u2028", ""]


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_json_values_survive_both_ways(any_python: Function, api: FakeRuntimeAPI, event: object) -> None:
    """Every kind of JSON value reaches the handler and comes back."""
    any_python.write(ECHO)
    api.event(json.dumps(event, ensure_ascii=False).encode())
    assert any_python.run().post.json() == event


def test_an_answer_goes_to_the_id_of_its_event(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Path, content type and body of a result."""
    any_python.handler("return context.aws_request_id")
    api.event(request_id="first")
    api.event(request_id="second")
    first, second = any_python.run().posts
    assert first.path == "/2018-06-01/runtime/invocation/first/response"
    assert (second.path, second.body) == ("/2018-06-01/runtime/invocation/second/response", b'"second"')
    assert second.headers["content-type"] == "application/json"


def test_an_odd_id_makes_a_well_formed_request(any_python: Function, api: FakeRuntimeAPI) -> None:
    """What does not fit a path segment is percent-encoded there and verbatim in the context."""
    any_python.handler("return context.aws_request_id")
    api.event(request_id="a/b c?d#ä%20")
    post = any_python.run().post
    assert post.path == "/2018-06-01/runtime/invocation/a%2Fb%20c%3Fd%23%C3%A4%2520/response"
    assert post.json() == "a/b c?d#ä%20"


def test_an_exception_is_reported_and_survived(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The error goes to /error with the function's frames only; the same process serves the next event."""
    any_python.write("""
        from os import getpid
        def inner():
            raise KeyError("missing")
        def handler(event, context):
            return inner() if event else getpid()
        """)
    api.event(b"0")
    api.event(b"1")
    api.event(b"0")
    before, error, after = any_python.run().posts
    assert before.body == after.body
    assert error.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/error"
    assert error.headers["content-type"] == "application/json"
    assert list(error.json().items()) == [
        ("errorMessage", "'missing'"),
        ("errorType", "KeyError"),
        ("requestId", REQUEST_ID),
        (
            "stackTrace",
            [
                f'  File "{any_python.root}/app.py", line 6, in handler\n    return inner() if event else getpid()\n',
                f'  File "{any_python.root}/app.py", line 4, in inner\n    raise KeyError("missing")\n',
            ],
        ),
    ]


@pytest.mark.parametrize("name", ["bootstrap.py", "loop.py", "_pilotlight/loop.py"])
def test_frames_are_trimmed_by_identity_not_by_name(function: Function, api: FakeRuntimeAPI, name: str) -> None:
    """A file of the function that is called like one of ours keeps its frames."""
    function.write("def work():\n    raise ValueError('x')\n", name)
    module = Path(name).stem
    function.write(f"""
        import importlib.util
        spec = importlib.util.spec_from_file_location("{module}", {str(function.root / name)!r})
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        handler = lambda event, context: module.work()
        """)
    api.event()
    stack = function.run().post.json()["stackTrace"]
    assert [Path(line.split('"')[1]).name for line in stack] == ["app.py", Path(name).name]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("handler = 'text'", "'str' object is not callable"),
        ("def handler(event):\n    return event", "handler() takes 1 positional argument but 2 were given"),
    ],
)
def test_a_handler_that_cannot_be_called_fails_the_invocation(
    any_python: Function, api: FakeRuntimeAPI, source: str, message: str
) -> None:
    """The function loads, each event is answered with a TypeError, and no frame of ours is shown."""
    any_python.write(source)
    api.event()
    error = any_python.run().post.json()
    assert (error["errorType"], error["errorMessage"], error["stackTrace"]) == ("TypeError", message, [])


@pytest.mark.parametrize("body", [b"{not json", b"", b" ", b'"\xff"', b"[NaN]", b"-Infinity", b"1 2", b'{"a":1'])
def test_a_bad_event_fails_its_own_invocation(function: Function, api: FakeRuntimeAPI, body: bytes) -> None:
    """What is not JSON is an UnmarshalError; the next event is served."""
    function.write(ECHO)
    api.event(body)
    api.event(b"1")
    error, served = function.run().posts
    assert error.json()["errorType"] == "Runtime.UnmarshalError"
    assert error.json()["errorMessage"].startswith("Unable to unmarshal input: ")
    assert served.body == b"1"


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_an_error_not_a_crash(
    any_python: Function, api: FakeRuntimeAPI, depth: int, opening: bytes
) -> None:
    """Ten thousand values in one another end an invocation at most."""
    any_python.handler("return 'called'")
    api.event(opening * depth)
    api.event()
    error, served = any_python.run().posts
    assert error.json()["errorType"] == "Runtime.UnmarshalError"
    assert served.json() == "called"


def test_a_deep_or_circular_result_is_an_error_not_a_crash(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Neither ends the process."""
    any_python.handler("""
        nest = []
        if event:
            nest.append(nest)
        for _ in range(0 if event else 200_000):
            nest = [nest]
        return nest
        """)
    api.event(b"0")
    api.event(b"1")
    deep, circular = any_python.run().posts
    assert deep.json()["errorType"] == "Runtime.MarshalError"
    assert circular.json()["errorMessage"] == "Unable to marshal response: Circular reference detected"


@pytest.mark.parametrize(
    ("content_type", "handled"),
    [
        ("", "list"),
        ("application/json", "list"),
        ("application/json; charset=utf-8", "list"),
        ("Application/JSON", "list"),
        ("application/octet-stream", "bytes"),
        ("text/plain", "bytes"),
    ],
)
def test_other_content_types_reach_the_handler_as_bytes(
    function: Function, api: FakeRuntimeAPI, content_type: str, handled: str
) -> None:
    """JSON, with or without parameters, is decoded; so is an event without a type."""
    function.handler("return [type(event).__name__, len(event)]")
    api.event(b"[  ]", Content_Type=content_type)
    assert function.run().post.json() == [handled, 0 if handled == "list" else 4]


def test_bytes_are_answered_as_they_are(function: Function, api: FakeRuntimeAPI) -> None:
    """A result of bytes is not JSON and says so."""
    function.handler("return b'\\x00\\xff'")
    api.event()
    post = function.run().post
    assert (post.body, post.headers["content-type"]) == (b"\x00\xff", "application/unknown")


@pytest.mark.parametrize("value", ["{1j}", "(n for n in ())", "object()", "1j", "b'\\xff',", "{1: {(1, 2): 3}}"])
def test_a_result_json_cannot_hold_is_an_error(function: Function, api: FakeRuntimeAPI, value: str) -> None:
    """It is reported as MarshalError and the loop lives."""
    function.handler(f"return {value}")
    api.event()
    api.event()
    for post in function.run().posts:
        assert post.json()["errorType"] == "Runtime.MarshalError"
        assert post.json()["errorMessage"].startswith("Unable to marshal response: ")


def test_the_invocation_id_is_echoed_only_when_it_was_sent(function: Function, api: FakeRuntimeAPI) -> None:
    """On results and on errors alike."""
    function.handler("return 1 / event")
    api.event(b"1", Lambda_Runtime_Invocation_Id="inv-1")
    api.event(b"0", Lambda_Runtime_Invocation_Id="inv-2")
    api.event(b"1")
    ids = [post.headers.get("lambda-runtime-invocation-id") for post in function.run().posts]
    assert ids == ["inv-1", "inv-2", None]


@pytest.mark.parametrize("status", [400, 403, 410, 413])
@pytest.mark.parametrize("event", [b"1", b"0"])
def test_a_refused_answer_is_said_and_the_loop_goes_on(
    function: Function, api: FakeRuntimeAPI, status: int, event: bytes
) -> None:
    """One POST for each id: nothing is sent again, neither the answer nor an error about it."""
    function.handler("return 1 / event")
    api.event(event, "first")
    api.event(b"1", "second")
    api.post_reply(http_reply(status, {}, b'{"errorType":"Refused"}'))
    outcome = function.run()
    assert [post.path.split("/")[4] for post in outcome.posts] == ["first", "second"]
    action = "response" if event == b"1" else "error"
    expected = f'the Runtime API refused /invocation/first/{action} with {status} {{"errorType":"Refused"}}'
    assert outcome.stderr == f"pilotlight: {expected}\n"


@pytest.mark.parametrize("status", [500, 503])
def test_a_broken_sandbox_ends_the_process_after_an_answer(
    any_python: Function, api: FakeRuntimeAPI, status: int
) -> None:
    """5xx on an answer: no next, an exit status, no signal."""
    any_python.write(ECHO)
    api.event()
    api.post_reply(http_reply(status, {}, b""))
    outcome = any_python.run()
    assert (outcome.status, len(api.requests)) == (1, 2)


@pytest.mark.parametrize("status", [204, 301])
def test_next_without_an_event_ends_the_process(any_python: Function, api: FakeRuntimeAPI, status: int) -> None:
    """What is neither an event nor an error is said on stderr and not asked for again."""
    any_python.handler("print('called')")
    api.reply(http_reply(status, event_headers(), b""))
    outcome = any_python.run()
    assert (outcome.status, outcome.stdout, len(api.requests)) == (1, "", 1)
    assert outcome.stderr == f"pilotlight: the Runtime API answered {status} to next\n"


@pytest.mark.parametrize("status", [403, 503])
def test_a_refused_next_is_asked_again(any_python: Function, api: FakeRuntimeAPI, status: int) -> None:
    """A trouble that passes costs a pause, not the sandbox."""
    any_python.write(ECHO)
    api.reply(http_reply(status, event_headers(), b"not now"))
    api.event(b"1")
    outcome = any_python.run()
    assert (outcome.post.body, outcome.stderr, len(api.requests)) == (b"1", "", 4)


def test_a_next_refused_four_times_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses double; what the server said last is in the message."""
    pauses: list[float] = []
    monkeypatch.setattr("bootstrap.client.sleep", pauses.append)
    asked: list[bytes] = []

    class Refusing(Connection):
        def exchange(self, head: bytes, body: bytes = b"", *, repeatable: bool = False) -> Reply:
            asked.append(head)
            return Reply(500, {}, b"broken %d" % len(asked))

    with pytest.raises(SandboxError, match="the Runtime API answered 500 broken 4 to next"):
        LambdaRuntimeClient(Refusing("127.0.0.1:1")).next()
    assert (pauses, len(asked)) == ([0.1, 0.2, 0.4], 4)


@pytest.mark.parametrize("request_id", [None, ""])
def test_an_event_without_an_id_is_not_handled(function: Function, api: FakeRuntimeAPI, request_id: str | None) -> None:
    """It could not be answered, so the handler is not called and nothing posted."""
    function.handler("print('called')")
    headers = {"Content-Type": "application/json"} | (
        {} if request_id is None else {"Lambda-Runtime-Aws-Request-Id": ""}
    )
    api.reply(http_reply(200, headers, b"{}"))
    outcome = function.run()
    assert (outcome.status, outcome.stdout, outcome.posts) == (1, "", [])
    assert "without lambda-runtime-aws-request-id" in outcome.stderr


@pytest.mark.parametrize(
    ("statement", "message", "status"),
    [
        ("sys.exit(3)", "exit status 3", 3),
        ("sys.exit()", "exit status 0", 0),
        ("sys.exit('no more')", "no more", 1),
        ("exit(4)", "exit status 4", 4),
        ("sys.exit(2.5)", "exit status 2.5", 1),
    ],
)
def test_an_exit_in_the_handler_is_reported_and_kept(
    any_python: Function, api: FakeRuntimeAPI, statement: str, message: str, status: int
) -> None:
    """It is no success, and the process ends with the status it was given."""
    any_python.handler(f"import sys; {statement}")
    api.event()
    outcome = any_python.run()
    assert outcome.post.path.endswith("/error")
    assert (outcome.post.json()["errorType"], outcome.post.json()["errorMessage"]) == ("SystemExit", message)
    assert outcome.status == status


def test_a_hard_exit_keeps_its_status_and_what_was_printed(function: Function, api: FakeRuntimeAPI) -> None:
    """os._exit() cannot be reported; the lines before it are out all the same."""
    function.handler("import os; print('last words'); os._exit(4)")
    api.event()
    outcome = function.run()
    assert (outcome.status, outcome.posts, outcome.stdout) == (4, [], "last words\n")


def test_sigterm_while_idle_ends_at_once(function: Function) -> None:
    """The default action of the signal is left alone."""
    function.write(ECHO)
    assert function.run().status == -signal.SIGTERM


def test_a_sigterm_handler_of_the_function_runs_while_idle(any_python: Function) -> None:
    """Waiting for an event does not hold signals back."""
    any_python.write("""
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: (print("closing"), sys.exit(7)))
        def handler(event, context): pass
        """)
    outcome = any_python.run()
    assert (outcome.status, outcome.stdout, outcome.stderr) == (7, "closing\n", "")


def test_waiting_goes_on_after_a_signal_that_was_handled(function: Function, api: FakeRuntimeAPI) -> None:
    """A handler that returns leaves the one GET in place."""
    function.write("import signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('seen'))\n" + ECHO)
    process = function.start()
    function.settle()
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGTERM)
    assert function.outcome().stderr == ""
    assert len(api.requests) == 1


def test_ctrl_c_while_idle_is_quiet(any_python: Function) -> None:
    """Status 130, no traceback."""
    any_python.write(ECHO)
    process = any_python.start()
    any_python.settle()
    process.send_signal(signal.SIGINT)
    outcome = any_python.outcome()
    assert (outcome.status, outcome.stderr) == (130, "")


def test_output_is_out_before_the_answer(any_python: Function, api: FakeRuntimeAPI) -> None:
    """At the moment of the POST everything printed has left the process, a line without an end included."""
    any_python.handler("import sys; print('out', end=''); sys.stderr.write('err')")
    seen: list[str] = []
    api.on_post = lambda: seen.extend((any_python.stdout(), any_python.stderr()))
    api.event()
    any_python.run()
    assert seen == ["out", "err"]


@pytest.mark.parametrize(
    "statement",
    ["sys.stdout.close()", "sys.stdout = None", "sys.stdout = object()", "os.close(1)", "del sys.stdout"],
)
@pytest.mark.parametrize("result", ["1", "1 / 0"])
def test_a_function_may_do_what_it_likes_with_stdout(
    function: Function, api: FakeRuntimeAPI, statement: str, result: str
) -> None:
    """Answers and errors are posted without it."""
    function.handler(f"import os, sys; {statement}; return {result}")
    api.event()
    assert function.run().post.path.rpartition("/")[2] == ("response" if result == "1" else "error")


def test_an_error_is_logged_where_the_managed_runtime_logs_it(any_python: Function, api: FakeRuntimeAPI) -> None:
    """One event in the log, by carriage returns and no-break spaces."""
    any_python.handler("raise ValueError('two\\nlines')")
    api.event()
    outcome = any_python.run()
    assert outcome.stdout == (
        "[ERROR] ValueError: two\nlines\rTraceback (most recent call last):\r"
        f'\u00a0\u00a0File "{any_python.root}/app.py", line 2, in handler\r'
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('two\\nlines')\n"
    )


def test_a_thousand_invocations_leak_nothing(function: Function, api: FakeRuntimeAPI) -> None:
    """File descriptors and children are as many at the end as at the start."""
    function.handler("import os; return [len(os.listdir('/proc/self/fd')), 1 / event]")
    for number in range(1000):
        api.event(b"1" if number % 2 == 0 else b"0")
    posts = function.run().posts
    assert posts[0].json() == posts[-2].json()
    assert len(posts) == 1000


THREAD = "import atexit, sys, threading\nthreading.Thread(target=threading.Event().wait).start()\n"


@pytest.mark.parametrize(
    ("statement", "status", "stderr"),
    [
        ("sys.exit(5)", 5, ""),
        ("sys.exit(None)", 0, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('why')", 1, "why\n"),
    ],
)
@pytest.mark.parametrize("thread", ["import atexit, sys\n", THREAD])
def test_a_thread_of_the_function_does_not_keep_a_process_that_ends(
    function: Function, api: FakeRuntimeAPI, thread: str, statement: str, status: int, stderr: str
) -> None:
    """One that would never end is not waited for; all else is as without it."""
    function.write(f"""{thread}
atexit.register(lambda: print("at exit", end=""))

def handler(event, context):
    {statement}
""")
    api.event()
    outcome = function.run()
    assert (outcome.status, outcome.stderr) == (status, stderr)
    assert outcome.stdout.endswith("at exit")


def test_a_thread_of_the_function_does_not_keep_a_process_that_cannot_load(
    any_python: Function, api: FakeRuntimeAPI
) -> None:
    """The error is posted, then it is over."""
    any_python.write(f"{THREAD}1 / 0")
    outcome = any_python.run()
    assert (outcome.status, outcome.post.json()["errorType"]) == (1, "ZeroDivisionError")


def test_a_thread_of_the_function_does_not_outlive_the_runtime_api(function: Function, api: FakeRuntimeAPI) -> None:
    """No orphan stays behind."""
    function.write(THREAD + ECHO)
    function.start()
    function.settle()
    api.close()
    assert function.outcome().status == 1


def test_a_thread_of_the_function_does_not_keep_an_interrupted_process(function: Function) -> None:
    """Status 130 with it as well."""
    function.write(THREAD + ECHO)
    process = function.start()
    function.settle()
    process.send_signal(signal.SIGINT)
    assert function.outcome().status == 130


# Of all errors the one that could be mistaken for a connection that was lost.
ALARM = """
import signal

def late(number, frame):
    raise TimeoutError("late")

signal.signal(signal.SIGUSR1, late)
"""


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_error_of_a_signal_handler_while_idle_ends_the_process(
    any_python: Function, api: FakeRuntimeAPI, kind: str
) -> None:
    """With a traceback, as in any other program; an event that was under way is not asked for again."""
    any_python.write(f"{ALARM}{kind} handler(event, context): pass\n")
    process = any_python.start()
    any_python.settle()
    process.send_signal(signal.SIGUSR1)
    outcome = any_python.outcome()
    assert (outcome.status, len(api.requests)) == (1, 1)
    assert outcome.stderr.endswith("TimeoutError: late\n")


def test_an_error_of_a_signal_handler_does_not_answer_twice(function: Function, api: FakeRuntimeAPI) -> None:
    """Whether the answer was taken, nobody knows then."""
    function.write(ALARM + ECHO)
    api.event()
    process = function.start()

    def interrupt() -> None:
        process.send_signal(signal.SIGUSR1)
        process.wait(PATIENCE_S)

    api.on_post = interrupt
    outcome = function.outcome()
    assert (outcome.status, len(outcome.posts)) == (1, 1)
    assert outcome.stderr.endswith("TimeoutError: late\n")


@pytest.mark.parametrize("pool", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_threads_that_come_to_an_end_are_waited_for(any_python: Function, api: FakeRuntimeAPI, pool: str) -> None:
    """As ever: what a pool was given is done, and the pool is gone."""
    any_python.write(f"""
        import concurrent.futures, os, sys
        pool = concurrent.futures.{pool}(1)

        def handler(event, context):
            # Not done at once: CPython 3.11 may complain where a pool is done at the moment the interpreter ends.
            pool.submit(os.system, "sleep 0.1; echo done")
            sys.exit(5)
        """)
    api.event()
    outcome = any_python.run()
    assert (outcome.status, outcome.stderr) == (5, "")
    assert "done\n" in outcome.stdout


@pytest.mark.slow
def test_functions_to_be_called_at_the_end_have_their_time(function: Function, api: FakeRuntimeAPI) -> None:
    """One that waits for a thread that never ends keeps the process no more than the thread itself."""
    function.write(f"{THREAD}atexit.register(threading.Event().wait)\ndef handler(event, context): sys.exit(5)\n")
    api.event()
    assert function.run().status == 5

"""Async handlers: one event loop for the life of the sandbox."""

import os
import signal
import time
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI
from .function import PATIENCE_S, Function

FAR_DEADLINE_MS = 4102444800000


def wait_for(path: Path) -> str:
    """Wait until a file is there and return its content."""
    ends = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < ends, f"no {path.name}"
        os.sched_yield()
    return path.read_text()


def in_ms(milliseconds: int) -> str:
    """A deadline."""
    return str(int(time.time() * 1000) + milliseconds)


def test_a_coroutine_answers(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The result of the coroutine is the answer; nothing warns, not even in development mode."""
    any_python.write("""
        import asyncio

        async def handler(event, context):
            await asyncio.sleep(0)
            return event
        """)
    any_python.environ |= {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"}
    api.event(b"[1]")
    api.event(b"[2]")
    outcome = any_python.run()
    assert [post.body for post in outcome.posts] == [b"[1]", b"[2]"]
    assert outcome.stderr == ""


def test_what_is_bound_to_a_loop_outlives_the_invocation(any_python: Function, api: FakeRuntimeAPI) -> None:
    """A connection and a task made in the first invocation are of use in the second."""
    any_python.write("""
        import asyncio

        lock = asyncio.Lock()
        kept = []

        async def echo(reader, writer):
            while line := await reader.readline():
                writer.write(line)

        async def handler(event, context):
            async with lock:
                if not kept:
                    server = await asyncio.start_server(echo, "127.0.0.1", 0)
                    kept.append(server)
                    kept.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
                reader, writer = kept[1]
                writer.write(b"%d\\n" % event)
                return int(await reader.readline())
        """)
    for number in (1, 2, 3):
        api.event(b"%d" % number)
    assert [post.json() for post in any_python.run().posts] == [1, 2, 3]


def test_a_task_left_behind_goes_on(any_python: Function, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """Also while the sandbox waits for an event, as long as it is not frozen."""
    any_python.write(f"""
        import asyncio, pathlib

        async def later():
            await asyncio.sleep(0.01)
            pathlib.Path("{tmp_path}/done").write_text("yes")

        async def handler(event, context):
            context.task = asyncio.create_task(later())
            handler.kept = context
        """)
    api.event()
    any_python.start()
    any_python.settle()
    wait_for(tmp_path / "done")


def test_the_loop_made_at_import_is_the_one(any_python: Function, api: FakeRuntimeAPI) -> None:
    """What a function made current while it was loaded is adopted."""
    any_python.write("""
        import asyncio

        made = asyncio.new_event_loop()
        asyncio.set_event_loop(made)
        done = made.run_until_complete(asyncio.sleep(0, "done"))

        async def handler(event, context):
            return [asyncio.get_running_loop() is made, done]
        """)
    api.event()
    assert any_python.run().post.json() == [True, "done"]


def test_asking_for_a_loop_makes_none(any_python: Function, api: FakeRuntimeAPI) -> None:
    """A policy of the function is asked for one loop, ours; asyncio.run() at import is over by then."""
    any_python.write("""
        import asyncio, warnings

        warnings.simplefilter("ignore")

        class Policy(asyncio.DefaultEventLoopPolicy):
            made = []
            def new_event_loop(self):
                self.made.append(super().new_event_loop())
                return self.made[-1]

        asyncio.set_event_loop_policy(Policy())
        asyncio.run(asyncio.sleep(0))

        async def handler(event, context):
            return [len(Policy.made), asyncio.get_running_loop() is Policy.made[-1]]
        """)
    api.event()
    assert any_python.run().post.json() == [2, True]


@pytest.mark.parametrize(("setting", "expected"), [("", "uvloop"), ("sys.modules['uvloop'] = None", "asyncio")])
def test_uvloop_is_used_where_there_is_one(
    function: Function, api: FakeRuntimeAPI, setting: str, expected: str
) -> None:
    """Unless the function cannot import it."""
    pytest.importorskip("uvloop")
    function.write(f"""
        import asyncio, sys
        {setting}

        async def handler(event, context):
            return type(asyncio.get_running_loop()).__module__.partition(".")[0]
        """)
    api.event()
    assert function.run().post.json() == expected


def test_context_variables_of_the_import_are_there(function: Function, api: FakeRuntimeAPI) -> None:
    """What an invocation sets is gone with it."""
    function.write("""
        import contextvars

        variable = contextvars.ContextVar("variable")
        variable.set("import")

        async def handler(event, context):
            before = variable.get()
            variable.set("handler")
            return before
        """)
    api.event()
    api.event()
    assert [post.json() for post in function.run().posts] == ["import", "import"]


def test_a_plain_handler_may_run_a_loop_of_its_own(function: Function, api: FakeRuntimeAPI) -> None:
    """asyncio.run() in one invocation, an awaitable returned in the next."""
    function.write("""
        import asyncio

        def handler(event, context):
            work = asyncio.sleep(0, event)
            return asyncio.run(work) if event % 2 else work
        """)
    for number in range(4):
        api.event(b"%d" % number)
    assert [post.json() for post in function.run().posts] == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["partial", "method", "callable"])
def test_whatever_returns_a_coroutine_is_async(function: Function, api: FakeRuntimeAPI, kind: str) -> None:
    """Partials, bound methods and callable objects."""
    function.write(f"""
        import functools

        class Service:
            async def __call__(self, event, context):
                return "callable"
            async def method(self, event, context):
                return "method"

        async def work(name, event, context):
            return name

        handler = {{
            "partial": functools.partial(work, "partial"), "method": Service().method, "callable": Service()
        }}["{kind}"]
        """)
    api.event()
    assert function.run().post.json() == kind


def test_an_error_shows_the_frames_of_the_function_only(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Neither ours nor those of asyncio."""
    any_python.write("""
        import asyncio

        async def inner():
            await asyncio.sleep(0)
            raise LookupError("no")

        async def handler(event, context):
            await inner()
        """)
    api.event()
    error = any_python.run().post.json()
    assert [line.split("\n")[0].rpartition(" ")[2] for line in error["stackTrace"]] == ["handler", "inner"]


def test_an_exit_in_a_coroutine_is_reported_and_ends_the_process(function: Function, api: FakeRuntimeAPI) -> None:
    """As in a plain handler."""
    function.write("""
        import sys

        async def handler(event, context):
            sys.exit(3)
        """)
    api.event()
    outcome = function.run()
    assert (outcome.status, outcome.post.json()["errorType"]) == (3, "SystemExit")


def test_an_interrupt_raised_in_a_coroutine_leaves_the_loop_usable(function: Function, api: FakeRuntimeAPI) -> None:
    """It is an error like others."""
    function.write("""
        async def handler(event, context):
            if event:
                raise KeyboardInterrupt
            return "fine"
        """)
    api.event(b"1")
    api.event(b"0")
    error, result = function.run().posts
    assert (error.json()["errorType"], result.json()) == ("KeyboardInterrupt", "fine")


def test_a_sigint_unwinds_the_handler(function: Function, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """What the coroutine does on its way out is done before the error is posted; the next event is served."""
    function.write(f"""
        import asyncio, pathlib

        async def handler(event, context):
            try:
                if event:
                    pathlib.Path("{tmp_path}/here").write_text("")
                    await asyncio.sleep(60)
            finally:
                print("unwound")
        """)
    api.event(b"1")
    process = function.start()
    wait_for(tmp_path / "here")
    process.send_signal(signal.SIGINT)
    api.wait_until(lambda: len(api.posts) == 1)
    assert (api.posts[0].json()["errorType"], "unwound" in function.stdout()) == ("KeyboardInterrupt", True)
    api.event(b"0")
    api.wait_until(lambda: len(api.posts) == 2)
    assert api.posts[1].path.endswith("/response")


def test_a_task_that_fails_unseen_is_logged(function: Function, api: FakeRuntimeAPI) -> None:
    """By asyncio, through logging."""
    function.write("""
        import asyncio

        async def fail():
            raise LookupError("unseen")

        async def handler(event, context):
            asyncio.create_task(fail())
            await asyncio.sleep(0.01)
        """)
    api.event()
    outcome = function.run()
    assert "LookupError: unseen" in outcome.stdout + outcome.stderr


def test_a_handler_is_cancelled_before_its_deadline_if_asked(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The error says so and shows where the handler was."""
    any_python.write("""
        import asyncio, bootstrap

        @bootstrap.cancel_before_deadline(before_ms=60_000)
        async def handler(event, context):
            await asyncio.sleep(event)
            return "in time"
        """)
    api.event(b"60", Lambda_Runtime_Deadline_Ms=in_ms(60_050))
    api.event(b"0", Lambda_Runtime_Deadline_Ms=str(FAR_DEADLINE_MS))
    late, early = any_python.run().posts
    error = late.json()
    assert error["errorType"] == "TimeoutError"
    assert error["errorMessage"] == "the handler was cancelled 60000 ms before its deadline"
    assert "await asyncio.sleep(event)" in error["stackTrace"][0]
    assert early.json() == "in time"


def test_a_cancelled_handler_may_still_answer(function: Function, api: FakeRuntimeAPI) -> None:
    """It has the time that is left to do so."""
    function.write("""
        import asyncio, bootstrap

        @bootstrap.cancel_before_deadline(before_ms=60_000)
        async def handler(event, context):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "what there is"
        """)
    api.event(Lambda_Runtime_Deadline_Ms=in_ms(60_010))
    assert function.run().post.json() == "what there is"


def test_a_stream_is_cancelled_as_well(function: Function, api: FakeRuntimeAPI) -> None:
    """What it has sent is sent; the error comes in the trailers."""
    function.write("""
        import asyncio, bootstrap

        @bootstrap.cancel_before_deadline(before_ms=60_000)
        @bootstrap.stream
        async def handler(event, context):
            yield "begun"
            await asyncio.sleep(60)
        """)
    api.event(Lambda_Runtime_Deadline_Ms=in_ms(60_300))
    post = function.run().post
    assert post.body == b"begun"
    assert post.trailers["lambda-runtime-function-error-type"] == "TimeoutError"


def test_a_handler_that_cancels_itself_is_not_called_late(function: Function, api: FakeRuntimeAPI) -> None:
    """Its CancelledError is reported as what it is."""
    function.write("""
        import asyncio, bootstrap

        @bootstrap.cancel_before_deadline(before_ms=1000)
        async def handler(event, context):
            raise asyncio.CancelledError("enough")
        """)
    api.event()
    error = function.run().post.json()
    assert (error["errorType"], error["errorMessage"]) == ("CancelledError", "enough")


def test_a_plain_handler_cannot_be_cancelled(function: Function, api: FakeRuntimeAPI) -> None:
    """Asking for it fails while the function is loaded."""
    function.write("""
        import bootstrap

        @bootstrap.cancel_before_deadline(before_ms=1000)
        def handler(event, context):
            pass
        """)
    error = function.run().post.json()
    assert error["errorType"] == "TypeError"
    assert error["errorMessage"].startswith("cancel_before_deadline needs an async handler")


@pytest.mark.parametrize("install", ["asyncio.get_running_loop().add_signal_handler", "signal.signal"])
def test_a_signal_is_acted_upon_while_idle(any_python: Function, api: FakeRuntimeAPI, install: str) -> None:
    """The loop's own handlers as well as Python's."""
    any_python.write(f"""
        import asyncio, signal, sys

        def leave(*_):
            print("left")
            sys.exit(7)

        async def handler(event, context):
            {install}(signal.SIGTERM, leave)
        """)
    api.event()
    outcome = any_python.run()
    assert (outcome.status, outcome.stdout) == (7, "left\n")


def test_a_signal_between_two_waits_is_acted_upon(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The loop does not run at that moment, and hears of it all the same."""
    any_python.write("""
        import asyncio, bootstrap, os, signal, sys

        def leave(*_):
            print("left")
            sys.exit(7)

        async def handler(event, context):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave)
            bootstrap.after_response(os.kill, os.getpid(), signal.SIGTERM)
        """)
    api.event()
    any_python.start()
    outcome = any_python.outcome()
    assert (outcome.status, outcome.stdout) == (7, "left\n")


def test_signal_handlers_work_with_uvloop(function: Function, api: FakeRuntimeAPI) -> None:
    """It handles signals in a way of its own."""
    pytest.importorskip("uvloop")
    test_a_signal_between_two_waits_is_acted_upon(function, api)


def test_nothing_piles_up(function: Function, api: FakeRuntimeAPI) -> None:
    """Descriptors and tasks after many invocations are those after a few."""
    function.write("""
        import asyncio, os

        async def handler(event, context):
            await asyncio.sleep(0)
            return [len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())]
        """)
    for _ in range(200):
        api.event()
    answers = [post.json() for post in function.run().posts]
    assert answers[10] == answers[-1]
    assert len(answers) == 200


def test_a_function_may_close_or_stop_the_loop(function: Function, api: FakeRuntimeAPI) -> None:
    """The next invocation runs all the same."""
    function.write("""
        import asyncio

        async def handler(event, context):
            if event == "stop":
                asyncio.get_running_loop().stop()
                await asyncio.sleep(0.01)
            return "fine"
        """)
    api.event(b'"stop"')
    api.event(b"1")
    first, second = function.run().posts
    assert (first.json()["errorType"], second.json()) == ("RuntimeError", "fine")


def test_cancel_before_deadline_needs_no_arguments(function: Function, api: FakeRuntimeAPI) -> None:
    """Bare, it cancels half a second before the deadline, which has passed here."""
    function.write("""
        import asyncio
        import bootstrap

        @bootstrap.cancel_before_deadline
        async def handler(event, context):
            await asyncio.Event().wait()
        """)
    api.event(Lambda_Runtime_Deadline_Ms="1")
    assert function.run().post.json()["errorMessage"] == "the handler was cancelled 500 ms before its deadline"


SHADOWING = ["asyncio", "contextvars", "enum", "functools", "re", "selectors", "types", "warnings"]


@pytest.mark.parametrize("name", SHADOWING)
def test_modules_of_the_function_named_like_the_library_do_no_harm(
    function: Function, api: FakeRuntimeAPI, name: str
) -> None:
    """The event loop has the library's, the function its own."""
    function.write("NAME = 'mine'\n", f"{name}.py")
    function.write(f"async def handler(event, context):\n    import {name}\n    return {name}.NAME\n")
    api.event()
    assert function.run().post.json() == "mine"


def test_all_of_them_at_once_do_no_harm(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Whatever it is that the loop of this interpreter imports."""
    for name in SHADOWING:
        any_python.write("NAME = 'mine'\n", f"{name}.py")
    any_python.write("""
        async def handler(event, context):
            import selectors, asyncio
            return [selectors.NAME, asyncio.NAME]
        """)
    api.event()
    assert any_python.run().post.json() == ["mine", "mine"]

"""Hooks: after an answer, before a deadline, at the end of the sandbox."""

import signal
from pathlib import Path

import pytest

from .fake_runtime_api import REQUEST_ID, FakeRuntimeAPI, Request, http_reply
from .function import BOOTSTRAP, ECHO, Function
from .test_async import in_ms, wait_for

REGISTER = "/2020-01-01/extension/register"
NEXT_EVENT = "/2020-01-01/extension/event/next"
NEXT = "/2018-06-01/runtime/invocation/next"
REGISTERED = http_reply(200, {"Lambda-Extension-Identifier": "an-id"}, b"{}")


@pytest.fixture
def extensions(api: FakeRuntimeAPI) -> FakeRuntimeAPI:
    """A Runtime API that takes extensions."""
    api.reply_to(REGISTER, REGISTERED)
    api.reply_to(NEXT_EVENT)
    return api


def answers(api: FakeRuntimeAPI) -> list[Request]:
    """What was posted for invocations."""
    return [post for post in api.posts if "/invocation/" in post.path]


def test_a_shutdown_hook_registers_an_extension(any_python: Function, extensions: FakeRuntimeAPI) -> None:
    """Before the first next; its own request for an event is parked."""
    any_python.write(f"import bootstrap\nbootstrap.on_shutdown(print)\n{ECHO}")
    any_python.start()
    any_python.settle()
    extensions.wait_until(lambda: len(extensions.requests) == 3)
    register, *others = extensions.requests
    assert (register.path, register.json()) == (REGISTER, {"events": []})
    assert register.headers["lambda-extension-name"] == "pilotlight-shutdown"
    parked = [request for request in others if request.path == NEXT_EVENT]
    assert [request.headers["lambda-extension-identifier"] for request in parked] == ["an-id"]
    assert [request.path for request in others if request not in parked] == [NEXT]


def test_shutdown_hooks_run_at_sigterm(any_python: Function, extensions: FakeRuntimeAPI) -> None:
    """The last one first, sync and async, each whatever became of the others; then the process ends by the signal."""
    any_python.write("""
        import asyncio, bootstrap

        bootstrap.on_shutdown(lambda: print("first"))

        @bootstrap.on_shutdown
        async def second():
            await asyncio.sleep(0)
            print("second")

        @bootstrap.on_shutdown
        def third():
            print("third", end="")
            raise SystemExit("broken")

        @bootstrap.on_shutdown
        async def fourth():
            print("fourth")
            raise LookupError("broken, too")

        def handler(event, context):
            return event
        """)
    extensions.event(b"1")
    outcome = any_python.run()
    assert outcome.status == -signal.SIGTERM
    assert answers(extensions)[0].body == b"1"
    said = [line for line in outcome.stdout.replace("\r", "\n").splitlines() if line.endswith(("d", "h", "t"))]
    assert [word for word in said if word in ("fourth", "second", "first")] == ["fourth", "second", "first"]
    assert "third[ERROR] SystemExit: broken" in outcome.stdout
    assert "[ERROR] LookupError: broken, too" in outcome.stdout


def test_async_hooks_run_on_the_loop_of_an_async_handler(function: Function, extensions: FakeRuntimeAPI) -> None:
    """While it waits for an event, with all that was made in invocations."""
    function.write("""
        import asyncio, bootstrap

        class Pool:
            async def close(self):
                assert asyncio.get_running_loop() is self.loop
                await asyncio.sleep(0.01)
                print("closed")

        pool = Pool()
        bootstrap.on_shutdown(pool.close)

        async def handler(event, context):
            pool.loop = asyncio.get_running_loop()
        """)
    extensions.event()
    outcome = function.run()
    assert (outcome.status, outcome.stdout) == (-signal.SIGTERM, "closed\n")


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("hook", ["def", "async def"])
def test_a_busy_handler_is_not_waited_for(
    function: Function, extensions: FakeRuntimeAPI, tmp_path: Path, kind: str, hook: str
) -> None:
    """The hooks run at once; its invocation gets no answer."""
    wait = "await asyncio.sleep(60)" if kind == "async def" else "time.sleep(60)"
    function.write(f"""
        import asyncio, bootstrap, pathlib, time

        @bootstrap.on_shutdown
        {hook} end():
            print("ended")

        {kind} handler(event, context):
            pathlib.Path("{tmp_path}/here").write_text("")
            {wait}
        """)
    extensions.event()
    process = function.start()
    wait_for(tmp_path / "here")
    process.send_signal(signal.SIGTERM)
    outcome = function.outcome()
    assert (outcome.status, outcome.stdout, answers(extensions)) == (-signal.SIGTERM, "ended\n", [])


def test_the_answer_of_a_handler_that_ends_meanwhile_does_not_cut_the_hooks(
    function: Function, extensions: FakeRuntimeAPI, tmp_path: Path
) -> None:
    """The loop stays at work until the async hooks are done."""
    function.write(f"""
        import asyncio, bootstrap, pathlib

        ending = asyncio.Event()

        @bootstrap.on_shutdown
        async def end():
            ending.set()
            for _ in range(100):
                await asyncio.sleep(0)
            print("ended")

        async def handler(event, context):
            pathlib.Path("{tmp_path}/here").write_text("")
            await ending.wait()
        """)
    extensions.event()
    process = function.start()
    wait_for(tmp_path / "here")
    process.send_signal(signal.SIGTERM)
    outcome = function.outcome()
    assert (outcome.status, outcome.stdout, answers(extensions)) == (-signal.SIGTERM, "ended\n", [])


def test_sigterm_at_the_moment_the_wait_begins_is_not_kept_until_the_next_event(
    any_python: Function, extensions: FakeRuntimeAPI
) -> None:
    """The interpreter has noted it, and no system call was interrupted by it."""
    any_python.write("""
        import _thread, bootstrap, signal, threading

        def note_it_once_main_sleeps():
            while open(f"/proc/self/task/{threading.main_thread().native_id}/stat").read().rpartition(") ")[2][0] != "S":
                pass
            _thread.interrupt_main(signal.SIGTERM)

        bootstrap.on_shutdown(lambda: print("ended"))

        def handler(event, context):
            bootstrap.after_response(lambda: threading.Thread(target=note_it_once_main_sleeps, daemon=True).start())
        """)
    extensions.event()
    any_python.start()
    outcome = any_python.outcome()
    assert (outcome.status, outcome.stdout) == (-signal.SIGTERM, "ended\n")


def test_a_function_that_closes_everything_keeps_its_hooks_and_its_files(
    any_python: Function, extensions: FakeRuntimeAPI
) -> None:
    """What was there to hear of signals is a file of the function now, and is not read; the next wait has its own."""
    any_python.write("""
        import bootstrap, os, stat

        bootstrap.on_shutdown(lambda: print("ended"))

        def handler(event, context):
            if event == 1:
                os.closerange(3, 256)
                for _ in range(8):
                    os.open(__file__, os.O_RDONLY)
            files = [fd for fd in range(3, 11) if stat.S_ISREG(os.fstat(fd).st_mode)]
            return sum(os.lseek(fd, 0, os.SEEK_CUR) for fd in files) if files else "no files"
        """)
    for event in (b"1", b"2"):
        extensions.event(event)
    process = any_python.start()
    any_python.settle()
    process.send_signal(signal.SIGTERM)
    outcome = any_python.outcome()
    assert (outcome.status, outcome.stdout) == (-signal.SIGTERM, "ended\n")
    assert answers(extensions)[-1].json() == 0


def test_a_process_the_function_forks_hears_its_own_signals(any_python: Function, extensions: FakeRuntimeAPI) -> None:
    """They are not written where its parent reads."""
    any_python.write("""
        import bootstrap, os, signal

        bootstrap.on_shutdown(print)

        def handler(event, context):
            child = os.fork()
            if not child:
                os._exit(signal.set_wakeup_fd(-1) != -1)
            return os.waitpid(child, 0)[1]
        """)
    extensions.event()
    outcome = any_python.run()
    assert answers(extensions)[0].json() == 0, outcome


def test_a_handler_of_the_function_for_sigterm_comes_after_the_hooks(
    function: Function, extensions: FakeRuntimeAPI
) -> None:
    """It is neither replaced nor forgotten, and decides about the exit status."""
    function.write("""
        import bootstrap, signal, sys

        bootstrap.on_shutdown(lambda: print("hook"))

        def leave(number, frame):
            print("theirs", number)
            sys.exit(9)

        signal.signal(signal.SIGTERM, leave)

        def handler(event, context):
            pass
        """)
    extensions.event()
    outcome = function.run()
    assert (outcome.status, outcome.stdout) == (9, "hook\ntheirs 15\n")


def test_a_forked_child_that_is_ended_runs_no_hooks(function: Function, extensions: FakeRuntimeAPI) -> None:
    """As multiprocessing does with its pools."""
    function.write("""
        import bootstrap, os, signal, time

        bootstrap.on_shutdown(lambda: print("hook", os.getpid() == parent))
        parent = os.getpid()

        def handler(event, context):
            ready, tell = os.pipe()
            pid = os.fork()
            if not pid:
                os.write(tell, b"x")
                time.sleep(60)
            os.read(ready, 1)
            os.kill(pid, signal.SIGTERM)
            return os.waitpid(pid, 0)[1]
        """)
    extensions.event()
    outcome = function.run()
    assert answers(extensions)[0].json() == signal.SIGTERM
    assert outcome.stdout == "hook True\n"


def test_hooks_may_come_late(function: Function, extensions: FakeRuntimeAPI) -> None:
    """A hook of the first invocation runs where the platform sends SIGTERM without an extension of ours."""
    function.write("""
        import bootstrap

        def handler(event, context):
            bootstrap.on_shutdown(lambda: print("late"))
        """)
    extensions.event()
    outcome = function.run()
    assert (outcome.status, outcome.stdout) == (-signal.SIGTERM, "late\n")
    assert REGISTER not in [request.path for request in extensions.requests]


def test_without_hooks_there_is_no_trace(function: Function, api: FakeRuntimeAPI) -> None:
    """No extension, no thread, no handler for SIGTERM."""
    function.handler("import signal, threading; return [signal.getsignal(15) == 0, threading.active_count()]")
    api.event()
    outcome = function.run()
    assert (outcome.status, outcome.post.json()) == (-signal.SIGTERM, [True, 1])
    assert [request.path for request in api.requests if "extension" in request.path] == []


@pytest.mark.parametrize(("status", "complaints"), [(404, 0), (403, 1), (500, 1)])
def test_a_platform_without_extensions_serves_the_function(
    function: Function, api: FakeRuntimeAPI, status: int, complaints: int
) -> None:
    """Hooks still run at SIGTERM; at most one line says that it may not come."""
    function.write(f"import bootstrap\nbootstrap.on_shutdown(lambda: print('hook'))\n{ECHO}")
    api.reply_to(REGISTER, http_reply(status, {}, b"no"))
    api.event(b"1")
    outcome = function.run()
    assert answers(api)[0].body == b"1"
    assert (outcome.stdout, len(outcome.stderr.splitlines())) == ("hook\n", complaints)


@pytest.mark.parametrize("form", ["import bootstrap.hooks.lifecycle", "import bootstrap"])
def test_hooks_are_found_under_every_name(function: Function, extensions: FakeRuntimeAPI, form: str) -> None:
    """The module that holds them exists once."""
    function.write(f"""
        {form}
        from bootstrap.hooks.lifecycle import on_shutdown
        assert on_shutdown is bootstrap.on_shutdown
        on_shutdown(lambda: print("hook"))

        def handler(event, context):
            pass
        """)
    extensions.event()
    assert function.run().stdout == "hook\n"


def test_a_copy_of_this_package_is_not_talked_to(function: Function, extensions: FakeRuntimeAPI) -> None:
    """A function may ship what it imports; its hooks are those of the copy that runs."""
    (function.root / "bootstrap").symlink_to(BOOTSTRAP.parent)
    function.write("""
        import bootstrap
        from bootstrap.hooks.lifecycle import on_shutdown
        on_shutdown(lambda: print("hook", bootstrap.current_context() is not None))

        def handler(event, context):
            pass
        """)
    extensions.event()
    assert function.run().stdout == "hook True\n"


def test_work_after_the_response(any_python: Function, api: FakeRuntimeAPI) -> None:
    """In order, functions with arguments, coroutines and coroutine functions, all before the next event."""
    any_python.write("""
        import asyncio, bootstrap

        seen = []

        async def later(value):
            await asyncio.sleep(0)
            seen.append(value)

        def fail():
            raise LookupError("nobody minds")

        def handler(event, context):
            bootstrap.after_response(seen.append, "plain")
            bootstrap.after_response(fail)
            bootstrap.after_response(later, value="async")
            bootstrap.after_response(later("awaitable"))
            bootstrap.after_response(lambda: bootstrap.after_response(seen.append, "nested"))
            return seen
        """)
    api.event()
    api.event()
    first, second = any_python.run().posts
    assert first.json() == []
    assert second.json() == ["plain", "async", "awaitable", "nested"]
    assert "LookupError: nobody minds" in any_python.stdout()


def test_work_after_the_response_follows_an_error_too(function: Function, api: FakeRuntimeAPI) -> None:
    """On the loop of an async handler as well."""
    function.write("""
        import bootstrap

        async def later():
            print("later")

        async def handler(event, context):
            bootstrap.after_response(later)
            raise LookupError
        """)
    api.event()
    outcome = function.run()
    assert outcome.post.path.endswith("/error")
    assert outcome.stdout.endswith("later\n")


def test_an_exit_after_the_response_ends_the_process(function: Function, api: FakeRuntimeAPI) -> None:
    """A way to ask for a fresh sandbox; the answer is out, and so is the rest of the work."""
    function.write("""
        import bootstrap, sys

        def handler(event, context):
            bootstrap.after_response(sys.exit, 4)
            bootstrap.after_response(print, "rest")
            return "answer"
        """)
    api.event()
    outcome = function.run()
    assert (outcome.status, outcome.post.json(), "rest" in outcome.stdout) == (4, "answer", True)


def test_an_exit_of_the_handler_loses_nothing(function: Function, api: FakeRuntimeAPI) -> None:
    """What was put off until the answer is done before the process ends."""
    function.handler("import bootstrap, sys; bootstrap.after_response(print, 'rest'); sys.exit(4)")
    api.event()
    outcome = function.run()
    assert (outcome.status, outcome.post.json()["errorType"]) == (4, "SystemExit")
    assert outcome.stdout.endswith("rest\n")


def test_there_is_no_after_without_an_invocation(function: Function, api: FakeRuntimeAPI) -> None:
    """At import it is an error."""
    function.write("import bootstrap\nbootstrap.after_response(print)")
    assert function.run().post.json()["errorMessage"] == "after_response() needs an invocation to come after"


def test_a_timeout_is_announced(function: Function, api: FakeRuntimeAPI) -> None:
    """With the stacks in the log; the function gets the context while the handler goes on."""
    function.write("""
        import bootstrap, threading

        called = threading.Event()
        ids = []

        @bootstrap.on_timeout(before_ms=60_000)
        def late(context):
            ids.append(context.aws_request_id)
            called.set()

        def handler(event, context):
            called.wait()
            return ids
        """)
    api.event(Lambda_Runtime_Deadline_Ms=in_ms(60_020))
    outcome = function.run()
    assert outcome.post.json() == [REQUEST_ID]
    assert outcome.stdout.startswith(f"60000 ms before the deadline of {REQUEST_ID}:")
    assert "Thread MainThread:" in outcome.stdout


def test_stacks_are_those_of_threads_and_tasks(any_python: Function, api: FakeRuntimeAPI) -> None:
    """A task's goes down to what it waits for; our own frames are left out."""
    any_python.write("""
        import asyncio, bootstrap, bootstrap.hooks.timeouts, threading

        done = threading.Event()

        async def deep():
            loop = asyncio.get_running_loop()
            text = loop.create_future()
            context = bootstrap.current_context()
            loop.call_soon(lambda: text.set_result(bootstrap.hooks.timeouts.describe(500, context)))
            return await text

        async def handler(event, context):
            threading.Thread(target=done.wait, name="helper").start()
            text = await deep()
            done.set()
            return text
        """)
    api.event()
    text = any_python.run().post.json()
    threads, tasks = text.split("Task ", 1)
    assert threads.startswith(f"500 ms before the deadline of {REQUEST_ID}:\n")
    assert "Thread helper:" in threads
    assert tasks.index(", in handler") < tasks.index(", in deep")
    assert str(BOOTSTRAP.parent) not in text


def test_an_invocation_in_time_sets_nothing_off(function: Function, api: FakeRuntimeAPI) -> None:
    """The alarm is taken back; the next invocation has its own."""
    function.write("""
        import bootstrap, threading

        called = threading.Event()
        bootstrap.on_timeout(lambda context: called.set(), before_ms=60_000)

        def handler(event, context):
            return called.wait(20) if event else called.is_set()
        """)
    far = in_ms(120_000)
    api.event(b"0", Lambda_Runtime_Deadline_Ms=far)
    api.event(b"0", Lambda_Runtime_Deadline_Ms=far)
    api.event(b"1", Lambda_Runtime_Deadline_Ms=in_ms(60_050))
    outcome = function.run()
    assert [post.json() for post in outcome.posts] == [False, False, True]
    assert outcome.stdout.count("ms before the deadline") == 1


def test_stacks_may_be_all_that_is_wanted(function: Function, api: FakeRuntimeAPI) -> None:
    """on_timeout() without a function; a hook that fails is logged."""
    function.write("""
        import bootstrap, time

        bootstrap.on_timeout(before_ms=60_000)

        @bootstrap.on_timeout(before_ms=59_990)
        def late(context):
            raise LookupError("in the hook")

        def handler(event, context):
            while not lines():
                time.sleep(0.001)

        def lines():
            return "in the hook" in open("../stdout").read()
        """)
    api.event(Lambda_Runtime_Deadline_Ms=in_ms(60_020))
    outcome = function.run()
    assert outcome.stdout.count("ms before the deadline") == 1
    assert ", in handler" in outcome.stdout


def test_a_timeout_hook_cannot_be_async(function: Function, api: FakeRuntimeAPI) -> None:
    """It would wait for the very loop that may hang."""
    function.write("import bootstrap\n@bootstrap.on_timeout\nasync def late(context):\n    pass\n")
    assert function.run().post.json()["errorType"] == "TypeError"


def test_unwatched_invocations_have_no_thread(function: Function, api: FakeRuntimeAPI) -> None:
    """Not even the module for it is loaded."""
    function.handler("import sys; return [name for name in sys.modules if 'timeouts' in name]")
    api.event()
    assert function.run().post.json() == []


def test_an_async_hook_runs_while_the_handler_waits_on_a_loop_of_its_own(
    function: Function, extensions: FakeRuntimeAPI
) -> None:
    """That loop is asleep, and is woken."""
    function.write("""
        import asyncio, bootstrap, os, signal

        @bootstrap.on_shutdown
        async def close():
            print("closed")

        async def work():
            loop = asyncio.get_running_loop()
            select = loop._selector.select

            def select_and_be_signalled(timeout):
                loop._selector.select = select
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                return select(timeout)

            await asyncio.sleep(0)
            loop._selector.select = select_and_be_signalled
            await asyncio.sleep(60)

        def handler(event, context):
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
            asyncio.run(work())
        """)
    extensions.event()
    function.start()
    outcome = function.outcome()
    assert (outcome.status, outcome.stdout) == (-signal.SIGTERM, "closed\n")

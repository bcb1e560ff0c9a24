"""Many invocations at once: tasks on one loop, threads, processes. That they overlap is shown by what waits for all."""

import contextlib
import json
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI, http_reply
from .function import ECHO, PATIENCE_S, Function
from .test_async import wait_for

WORKERS = 4
NEXT = "/2018-06-01/runtime/invocation/next"
RESTORE_NEXT = "/2018-06-01/runtime/restore/next"
MODES = ("async", "thread", "process")

# Each invocation leaves a file and goes on when those of all are there.
MEETING = """
    import asyncio, bootstrap, os, pathlib, threading

    folder = pathlib.Path("../meeting")
    folder.mkdir(exist_ok=True)

    def answer(context):
        current = bootstrap.current_context()
        return [os.getpid(), threading.get_ident(), current.aws_request_id, current.tenant_id, current.trace_id]

    async def handler(event, context):
        (folder / context.aws_request_id).touch()
        while len(list(folder.iterdir())) < event:
            await asyncio.sleep(0.001)
        return answer(context)
    """
PLAIN_MEETING = MEETING.replace("async def", "def").replace("await asyncio", "__import__('time')")


@pytest.fixture
def many(function: Function) -> Function:
    """A function that serves as many events at once as there are workers."""
    function.environ["AWS_LAMBDA_MAX_CONCURRENCY"] = str(WORKERS)
    return function


@pytest.fixture
def many_on_any_python(any_python: Function) -> Function:
    """The same for each interpreter."""
    any_python.environ["AWS_LAMBDA_MAX_CONCURRENCY"] = str(WORKERS)
    return any_python


def meet(function: Function, api: FakeRuntimeAPI) -> list[list[object]]:
    """Send an event for each worker and return the answers by request id."""
    for number in range(WORKERS):
        api.event(
            b"%d" % WORKERS,
            f"id-{number}",
            Lambda_Runtime_Aws_Tenant_Id=f"tenant-{number}",
            Lambda_Runtime_Trace_Id=f"trace-{number}",
        )
    function.start()
    api.wait_until(lambda: len(api.posts) == WORKERS)
    return sorted((post.json() for post in api.posts), key=lambda answer: str(answer[2]))


def parked(api: FakeRuntimeAPI) -> int:
    """How many workers wait for an event."""
    answers = [post for post in api.posts if "/invocation/" in post.path]
    return len([request for request in api.requests if request.path == NEXT]) - len(answers)


def expect_end(pid: int) -> None:
    """Wait until a process is gone, or nothing but its entry is left."""
    ends = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < ends, f"{pid} is still there"
        os.sched_yield()


def test_async_handlers_are_tasks_on_one_loop(many_on_any_python: Function, api: FakeRuntimeAPI) -> None:
    """One process, one thread for all of them, and each has its own context."""
    many_on_any_python.write(MEETING)
    answers = meet(many_on_any_python, api)
    assert [answer[2:] for answer in answers] == [[f"id-{n}", f"tenant-{n}", f"trace-{n}"] for n in range(WORKERS)]
    assert len({(pid, thread) for pid, thread, *_ in answers}) == 1


def test_plain_handlers_have_a_process_each(many_on_any_python: Function, api: FakeRuntimeAPI) -> None:
    """Nothing says that their globals may be shared."""
    many_on_any_python.write(PLAIN_MEETING)
    answers = meet(many_on_any_python, api)
    assert [answer[2:] for answer in answers] == [[f"id-{n}", f"tenant-{n}", f"trace-{n}"] for n in range(WORKERS)]
    assert len({pid for pid, *_ in answers}) == WORKERS


def test_plain_handlers_may_have_a_thread_each(many_on_any_python: Function, api: FakeRuntimeAPI) -> None:
    """When asked for."""
    many_on_any_python.environ["PILOTLIGHT_CONCURRENCY_MODE"] = "thread"
    many_on_any_python.write(PLAIN_MEETING)
    answers = meet(many_on_any_python, api)
    assert [answer[2:] for answer in answers] == [[f"id-{n}", f"tenant-{n}", f"trace-{n}"] for n in range(WORKERS)]
    assert len({pid for pid, *_ in answers}) == 1
    assert len({thread for _, thread, *_ in answers}) == WORKERS


def test_async_handlers_may_have_a_process_each(many: Function, api: FakeRuntimeAPI) -> None:
    """When asked for."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = "process"
    many.write(MEETING)
    assert len({pid for pid, *_ in meet(many, api)}) == WORKERS


@pytest.mark.parametrize("mode", ["async", "thread"])
@pytest.mark.parametrize("source", [MEETING, PLAIN_MEETING], ids=["async", "plain"])
def test_each_mode_takes_each_kind(many: Function, api: FakeRuntimeAPI, mode: str, source: str) -> None:
    """Async handlers share the loop in either mode, plain ones have their threads."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write(source)
    answers = meet(many, api)
    assert len({pid for pid, *_ in answers}) == 1
    assert len({thread for _, thread, *_ in answers}) == (1 if source == MEETING else WORKERS)


def test_awaitables_of_plain_handlers_share_a_loop(many: Function, api: FakeRuntimeAPI) -> None:
    """Threads that only find out when called need one as well."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = "thread"
    many.write(MEETING.replace("async def handler", "async def work") + "\n    handler = lambda *args: work(*args)\n")
    assert len({thread for _, thread, *_ in meet(many, api)}) == 1


@pytest.mark.parametrize("mode", ["async", "thread"])
def test_the_trace_variable_is_left_alone(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """Invocations would take it from each other."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.handler("import os; return os.environ.get('_X_AMZN_TRACE_ID')")
    api.event(Lambda_Runtime_Trace_Id="Root=1")
    many.start()
    api.wait_until(lambda: len(api.posts) == 1)
    assert api.posts[0].json() is None


@pytest.mark.parametrize("mode", MODES)
def test_context_variables_of_the_import_reach_every_worker(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """Also where the handler runs in a thread of ours."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write("""
        import contextvars

        variable = contextvars.ContextVar("variable", default=None)
        variable.set("import")

        async def handler(event, context):
            return variable.get()
        """)
    api.event()
    many.start()
    api.wait_until(lambda: len(api.posts) == 1)
    assert api.posts[0].json() == "import"


@pytest.mark.parametrize("mode", ["", *MODES])
def test_the_function_is_loaded_once_in_each_process(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """And not at all in the supervisor."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write(f"import os\nos.write(1, b'%d ' % os.getpid())\n{ECHO}")
    process = many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    pids = many.stdout().split()
    assert len(pids) == len(set(pids)) == (WORKERS if mode in ("", "process") else 1)
    assert (str(process.pid) in pids) == (mode in ("async", "thread"))


@pytest.mark.parametrize("mode", MODES)
def test_one_answer_is_not_kept_by_another(many: Function, api: FakeRuntimeAPI, tmp_path: Path, mode: str) -> None:
    """Errors and results go out while a neighbour is still at work."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write(f"""
        import asyncio, pathlib

        async def handler(event, context):
            while event == "slow" and not pathlib.Path("{tmp_path}/go").exists():
                await asyncio.sleep(0.001)
            return 1 / (event != "bad")
        """)
    api.event(b'"slow"', "slow")
    api.event(b'"bad"', "bad")
    api.event(b'"good"', "good")
    many.start()
    api.wait_until(lambda: len(api.posts) == 2)
    assert sorted(post.path.rpartition("invocation")[2] for post in api.posts) == ["/bad/error", "/good/response"]
    (tmp_path / "go").touch()
    api.wait_until(lambda: len(api.posts) == 3)
    assert api.posts[2].path.endswith("/slow/response")


@pytest.mark.parametrize("mode", ["async", "thread"])
def test_an_exit_in_one_handler_ends_the_process(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """Once it is reported, with its status."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write("import sys\nasync def handler(event, context):\n    sys.exit(3)\n")
    api.event()
    many.start()
    outcome = many.outcome()
    assert (outcome.status, outcome.post.json()["errorType"]) == (3, "SystemExit")


@pytest.mark.parametrize("mode", ["", "async"])
def test_a_process_of_tasks_that_ends_is_replaced_by_the_supervisor(
    many: Function, api: FakeRuntimeAPI, mode: str
) -> None:
    """That is what it is there for; in a mode that was asked for there is none."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write("import os\nasync def handler(event, context):\n    os._exit(5)\n")
    many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    api.event()
    if mode:
        assert many.outcome().status == 5
    else:
        api.wait_until(lambda: parked(api) == 2 * WORKERS)


def test_a_worker_that_dies_is_replaced(many_on_any_python: Function, api: FakeRuntimeAPI) -> None:
    """The log says so; the others do not notice."""
    many_on_any_python.handler("import os; os.kill(os.getpid(), 9) if event else None; return os.getpid()")
    many_on_any_python.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    for _ in range(2):
        api.event(b"1")
    api.wait_until(lambda: parked(api) == WORKERS + 2)
    api.event(b"0")
    api.wait_until(lambda: len(api.posts) == 1)
    assert many_on_any_python.stdout().count("ended with signal 9; another one takes its place") == 2


def test_a_worker_that_cannot_load_ends_everything(many_on_any_python: Function, api: FakeRuntimeAPI) -> None:
    """The error is posted once, its status is that of the sandbox."""
    many_on_any_python.write("raise LookupError('no')")
    many_on_any_python.start()
    outcome = many_on_any_python.outcome()
    assert (outcome.status, outcome.post.json()["errorType"]) == (1, "LookupError")


def test_a_second_worker_that_cannot_load_ends_everything_too(many: Function, api: FakeRuntimeAPI) -> None:
    """The platform refuses its report; no process stays behind."""
    many.write("""
        import os, pathlib, sys

        os.write(1, b"pid=%d " % os.getpid())
        with open("../loads", "a") as loads:
            loads.write("x")
        if len(pathlib.Path("../loads").read_text()) > 1:
            sys.exit(7)

        def handler(event, context):
            pass
        """)
    api.post_reply(http_reply(403, {}, b"no"))
    many.start()
    outcome = many.outcome()
    assert outcome.status == 7
    pids = re.findall(r"pid=(\d+)", outcome.stdout)
    assert len(pids) > 1
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_an_api_that_is_gone_ends_everything(many: Function, api: FakeRuntimeAPI) -> None:
    """Workers are not replaced for ever."""
    many.write(ECHO)
    many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    api.event(b"1")
    api.wait_until(lambda: len(api.posts) == 1)
    api.close()
    assert many.outcome().status == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
@pytest.mark.parametrize("mode", MODES)
def test_a_signal_reaches_every_worker(
    many: Function, api: FakeRuntimeAPI, mode: str, number: signal.Signals, status: int
) -> None:
    """And is waited for: the process that was signalled is the last one to end."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write(f"import os\nos.write(1, b'%d ' % os.getpid())\n{ECHO}")
    process = many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    process.send_signal(number)
    outcome = many.outcome()
    assert outcome.status == status
    assert [pid for pid in outcome.stdout.split() if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_shutdown_hooks_run_once_in_each_process(many: Function, api: FakeRuntimeAPI, mode: str, kind: str) -> None:
    """One extension is registered for all."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write(f"""
        import bootstrap, os

        @bootstrap.on_shutdown
        {kind} end():
            os.write(1, b"%d " % os.getpid())

        {kind} handler(event, context):
            pass
        """)
    api.reply_to("/2020-01-01/extension/register", http_reply(200, {"Lambda-Extension-Identifier": "i"}, b"{}"))
    api.reply_to("/2020-01-01/extension/event/next")
    process = many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    process.send_signal(signal.SIGTERM)
    outcome = many.outcome()
    pids = outcome.stdout.split()
    processes = WORKERS if mode == "process" or (not mode and kind == "def") else 1
    assert (outcome.status, len(pids), len(set(pids))) == (-signal.SIGTERM, processes, processes)
    assert len([post for post in outcome.posts if post.path.endswith("register")]) == 1


def test_no_worker_outlives_a_supervisor_that_was_killed(
    many_on_any_python: Function, api: FakeRuntimeAPI, tmp_path: Path
) -> None:
    """Not even one that is busy, or would ignore SIGTERM."""
    many_on_any_python.write(f"""
        import os, pathlib, signal, time

        signal.signal(signal.SIGTERM, signal.SIG_IGN)

        def handler(event, context):
            pathlib.Path("{tmp_path}/busy").write_text(str(os.getpid()))
            time.sleep(60)

        os.write(1, b"%d " % os.getpid())
        """)
    api.event()
    process = many_on_any_python.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    wait_for(tmp_path / "busy")
    process.kill()
    pids = many_on_any_python.stdout().split()
    assert len(pids) == WORKERS
    for pid in pids:
        expect_end(int(pid))


@pytest.mark.parametrize("mode", ["", *MODES])
def test_a_snapshot_is_passed_once(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """By the first worker, before there are others."""
    many.environ |= {"PILOTLIGHT_CONCURRENCY_MODE": mode, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    many.write(ECHO)
    api.reply_to(RESTORE_NEXT, http_reply(200, {}, b""))
    many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    assert [request.path for request in api.requests] == [RESTORE_NEXT, *[NEXT] * WORKERS]


@pytest.mark.parametrize("mode", ["async", "process"])
def test_each_process_gets_an_output_of_its_own(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """Where the platform has a socket for that: one connection each for stdout and stderr."""
    path = str(many.root.parent / "socket")
    processes = WORKERS if mode == "process" else 1
    many.environ |= {"PILOTLIGHT_CONCURRENCY_MODE": mode, "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": path}
    many.write(f"print('loaded')\n{ECHO}")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as stack:
        listener.bind(path)
        listener.listen()
        many.start()
        api.wait_until(lambda: parked(api) == WORKERS)
        outputs = [stack.enter_context(listener.accept()[0]) for _ in range(2 * processes)]
        many.kill()
        lines = [line for output in outputs if (line := received(output))]
    assert [json.loads(line)["message"] for line in lines] == ["loaded"] * processes


def received(output: socket.socket) -> bytes:
    """What has arrived, if anything."""
    try:
        return output.recv(1000, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("limit", ["many", "0", "-1", "1.5", "²"])
def test_a_limit_that_is_no_number_is_named(function: Function, limit: str) -> None:
    """One line, status 1."""
    function.write(ECHO)
    function.environ["AWS_LAMBDA_MAX_CONCURRENCY"] = limit
    function.start()
    outcome = function.outcome()
    assert outcome.status == 1
    assert f"AWS_LAMBDA_MAX_CONCURRENCY must be a number from 1 on, it is {limit!r}" in outcome.stderr + outcome.stdout


def test_an_unknown_mode_is_named(many: Function) -> None:
    """With those there are."""
    many.write(ECHO)
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = "hybrid"
    many.start()
    outcome = many.outcome()
    assert outcome.status == 1
    message = "PILOTLIGHT_CONCURRENCY_MODE must be one of async, process, thread, it is 'hybrid'"
    assert message in outcome.stderr + outcome.stdout


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_came_too_late_is_survived(many: Function, api: FakeRuntimeAPI, mode: str) -> None:
    """410 is said and forgotten; such an invocation does not end the sandbox."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write(ECHO)
    api.post_reply(http_reply(410, {}, b"late"))
    api.event(b"1")
    many.start()
    api.wait_until(lambda: len(api.posts) == 1 and parked(api) == WORKERS)
    api.event(b"2")
    api.wait_until(lambda: len(api.posts) == 2 and parked(api) == WORKERS)
    assert many.process is not None
    assert many.process.poll() is None
    assert "410 late" in many.stdout() + many.stderr()


def test_cancelling_and_timeouts_work_side_by_side(many: Function, api: FakeRuntimeAPI) -> None:
    """Each invocation by its own deadline, with its own context."""
    many.write("""
        import asyncio, bootstrap

        @bootstrap.on_timeout(before_ms=70_000)
        def late(context):
            print("late", bootstrap.current_context().aws_request_id)

        @bootstrap.cancel_before_deadline(before_ms=60_000)
        async def handler(event, context):
            await asyncio.sleep(event)
            return event
        """)
    many.start()
    api.wait_until(lambda: parked(api) == WORKERS)
    near = str(int(time.time() * 1000) + 61_000)
    api.event(b"60", "near", Lambda_Runtime_Deadline_Ms=near)
    api.event(b"0", "far")
    api.wait_until(lambda: len(api.posts) == 2)
    results = {post.path.split("/")[-2]: post.json() for post in api.posts}
    assert results["far"] == 0
    assert results["near"]["errorType"] == "TimeoutError"
    assert "late near" in many.stdout()
    assert "late far" not in many.stdout()


@pytest.mark.parametrize(
    ("mode", "name"), [("process", "fcntl"), ("thread", "types"), ("thread", "threading"), ("async", "contextvars")]
)
def test_modules_of_the_function_named_like_the_library_do_no_harm(
    many: Function, api: FakeRuntimeAPI, mode: str, name: str
) -> None:
    """Neither to supervisor and threads nor to the function."""
    many.environ["PILOTLIGHT_CONCURRENCY_MODE"] = mode
    many.write("NAME = 'mine'\n", f"{name}.py")
    many.handler(f"import {name}; return {name}.NAME")
    api.event()
    many.start()
    api.wait_until(lambda: len(api.posts) == 1)
    assert api.posts[0].json() == "mine"


@pytest.mark.slow
def test_a_worker_that_ignores_sigterm_does_not_keep_a_sandbox_that_failed(many: Function) -> None:
    """It is killed in the end, and the status is that of the one that failed."""
    many.write("""
        import os, signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            os.mkdir("first")
        except FileExistsError:
            os._exit(3)
        os.write(1, b"%d" % os.getpid())

        def handler(event, context):
            pass
        """)
    many.start()
    outcome = many.outcome()
    assert outcome.status == 3
    assert not Path(f"/proc/{outcome.stdout.partition('{')[0]}").exists()


def test_a_worker_may_close_all_descriptors(function: Function, api: FakeRuntimeAPI) -> None:
    """It serves on, and the log says what is missing."""
    function.environ["AWS_LAMBDA_MAX_CONCURRENCY"] = "1"
    function.write(f"import os\nos.closerange(3, 1000)\n{ECHO}")
    api.event(b"1")
    function.start()
    api.wait_until(lambda: parked(api) == 1 and len(api.posts) == 1)
    assert api.posts[0].body == b"1"
    assert "cannot tell how far it has come" in function.stdout() + function.stderr()

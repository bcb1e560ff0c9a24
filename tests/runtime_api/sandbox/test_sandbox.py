"""A sandbox's life with real processes: what the caller gets, what the log says, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.sandbox.sandbox import SandboxState
from runtime_api.sandbox.surroundings.runtimes import InterpreterUnusable
from tests.runtime_api.conftest import Script
from tests.runtime_api.fake_runtime import REQUEST_ID, invocation
from tests.runtime_api.living_sandbox import LivingSandbox, answered, is_gone
from tests.runtime_api.runtime_scripts import ECHO, PIDS
from tests.runtime_api.sandbox.conftest import Start
from tests.runtime_api.virtual_clock import START_MS, VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

START = f"START RequestId: {REQUEST_ID} Version: $LATEST\n"
END = f"END RequestId: {REQUEST_ID}\n"


def report(duration: str = "0.00", billed: int = 0, more: str = "", init: str = "0.00") -> str:
    """A REPORT line; `init` is empty for all but the first."""
    init = f"Init Duration: {init} ms\t" if init else ""
    return (
        f"REPORT RequestId: {REQUEST_ID}\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: 128 MB\tMax Memory Used: N MB\t{init}{more}\n"
    )


def platform_error(error_type: str, message: str) -> bytes:
    """The body of an error the platform words."""
    return json.dumps(
        {"errorType": error_type, "errorMessage": f"RequestId: {REQUEST_ID} Error: {message}"}, separators=(",", ":")
    ).encode()


def exit_log(message: str, error_type: str = "Runtime.ExitError", init: str = "0.00") -> bytes:
    """What the log says of an invocation that ended in an exit."""
    return (START + verdict(message, error_type, init)).encode()


def verdict(message: str, error_type: str, init: str = "") -> str:
    """The lines behind START of an invocation that ended in an error the platform found."""
    said = f"RequestId: {REQUEST_ID} Error: {message}\n{error_type}\n"
    return said + END + report(more=f"Status: error\tError Type: {error_type}", init=init)


def init_report(phase: str, status: str, duration: str = "0.00") -> str:
    """The INIT_REPORT line of an init that failed."""
    return f"INIT_REPORT Init Duration: {duration} ms\tPhase: {phase}\tStatus: {status}\n"


def failed_twice(printed: str, message: str, error_type: str) -> bytes:
    """The log of an init that fails, and fails again within the invocation that waited for it."""
    init, again = (printed + init_report(phase, f"error\tError Type: {error_type}") for phase in ("init", "invoke"))
    return (init + START + again + verdict(message, error_type)).encode()


# ordinary life


async def test_a_success(script: Script, start: Start) -> None:
    """The runtime's bytes reach the caller, and the log has its three lines."""
    living = await start(script(ECHO))
    outcome = await living.invoke(b'{"a": 1}')
    assert outcome == Outcome(OutcomeKind.SUCCESS, b'{"a": 1}')
    await living.idle()
    assert living.log == (START + END + report()).encode()


async def test_an_invocation_before_init_is_over_waits(script: Script, start: Start) -> None:
    """It is handed over by the runtime's first next."""
    living = await start(script(ECHO))
    assert living.sandbox.state is SandboxState.INIT
    assert (await living.invoke(b"1")).body == b"1"
    assert living.idle_count <= 1


async def test_init_duration_is_the_first_reports_alone(script: Script, start: Start) -> None:
    """A warm invocation did not wait for init."""
    living = await start(script(ECHO))
    for _ in range(3):
        await living.invoke()
        await living.idle()
    assert living.log.count(b"Init Duration") == 1
    assert living.log.endswith((START + END + report(init="")).encode())


async def test_durations_are_those_of_the_clock(script: Script, start: Start, clock: VirtualClock) -> None:
    """Init from the start of the process, the invocation from START; billed is both, rounded up."""
    living = await start(
        script("""
            while not os.path.exists("go"):
                pass
            api = Api()
            request_id, _ = api.next()
            say("working")
            while not os.path.exists("answer"):
                pass
            api.respond(request_id, b"1")
            api.next()
            """)
    )
    task_root = Path(living.sandbox.function.task_root)
    clock.advance(250.4)
    (task_root / "go").touch()
    call = living.calling()
    await living.said(b"working")
    clock.advance(12.5)
    (task_root / "answer").touch()
    await answered(call)
    await living.idle()
    assert living.log.decode().endswith(report(duration="12.50", billed=263, init="250.40"))


async def test_the_log_is_in_order(script: Script, start: Start) -> None:
    """Init's lines, START, the function's lines, an unfinished one too, END, REPORT."""
    living = await start(
        script("""
            say("in init")
            api = Api()
            while True:
                request_id, _ = api.next()
                say("one\\ntwo")
                print("on stderr", file=sys.stderr, flush=True)
                print("unfinished", end="", flush=True)
                api.respond(request_id, b"1")
            """)
    )
    await living.invoke()
    await living.idle()
    lines = living.log.decode().split("\n")
    assert lines[:5] == ["in init", START.strip(), "one", "two", "on stderr"]
    assert lines[5:] == ["unfinished", END.strip(), report().strip("\n"), ""]


async def test_the_tail_is_the_invocations_own_log(script: Script, start: Start) -> None:
    """From START to REPORT, without what init printed."""
    living = await start(
        script("""
            say("in init")
            api = Api()
            while True:
                request_id, _ = api.next()
                say("working")
                api.respond(request_id, b"1")
            """)
    )
    outcome = await living.invoke(tail=True)
    assert outcome.log_tail is not None
    lines = [line.split()[0] for line in outcome.log_tail.splitlines()]
    assert lines == [b"START", b"working", b"END", b"REPORT"]
    await living.idle()
    assert (await living.invoke(tail=True)).log_tail.count(b"working") == 1  # type: ignore[union-attr]


async def test_nobody_who_did_not_ask_gets_a_tail(script: Script, start: Start) -> None:
    """And nobody waits for REPORT in vain."""
    living = await start(script(ECHO))
    assert (await living.invoke()).log_tail is None


async def test_a_reported_error_keeps_the_sandbox(script: Script, start: Start) -> None:
    """Its bytes reach the caller untouched; the next invocation meets the same process."""
    living = await start(
        script("""
            api = Api()
            while True:
                request_id, body = api.next()
                if body == b"0":
                    api.fail(request_id, b'{ "errorMessage":"x",\\t"pid": %d}' % os.getpid())
                else:
                    api.respond(request_id, b"%d" % os.getpid())
            """)
    )
    failed = await living.invoke(b"0")
    assert (failed.kind, failed.body) == (OutcomeKind.ERROR, b'{ "errorMessage":"x",\t"pid": %d}' % living.pid)
    await living.idle()
    assert (await living.invoke(b"1")).body == b"%d" % living.pid
    assert b"Status" not in living.log


async def test_the_deadline_is_the_timeout_from_now(script: Script, start: Start, clock: VirtualClock) -> None:
    """Epoch milliseconds, in the header of next."""
    living = await start(
        script("""
            api = Api()
            while True:
                api.ask()
                _, headers, _ = api.answer()
                api.respond(headers["lambda-runtime-aws-request-id"], headers["lambda-runtime-deadline-ms"].encode())
            """)
    )
    await living.idle()
    clock.advance(1500)
    assert int((await living.invoke()).body) == START_MS + 1500 + 30_000


async def test_a_cancelled_call_leaves_the_sandbox_at_work(script: Script, start: Start) -> None:
    """The answer goes nowhere, and the sandbox is free again."""
    living = await start(script(PIDS))
    await living.idle()
    call = living.calling()
    # The call's first step hands the event over; the answer needs the loop to turn again.
    await asyncio.sleep(0)
    assert living.sandbox.state is SandboxState.BUSY
    call.cancel()
    await until(lambda: living.idle_count == 2)
    assert (await living.invoke()).body == b"%d" % living.pid


async def test_a_call_cancelled_during_init_leaves_the_sandbox_at_work(script: Script, start: Start) -> None:
    """It is run all the same, and answered to nobody."""
    living = await start(script(ECHO))
    call = living.calling()
    await asyncio.sleep(0)
    call.cancel()
    await living.idle()
    assert living.log == (START + END + report()).encode()


# what a process finds


async def test_the_environment_is_the_documented_one(
    script: Script, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the platform's environment reaches a function."""
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "x")
    living = await start(
        script(
            """
            api = Api()
            api.respond(api.next()[0], open("/proc/self/environ", "rb").read())
            """,
            environment={"MINE": "1"},
        )
    )
    variables = dict(pair.split("=", 1) for pair in (await living.invoke()).body.decode().split("\0") if pair)
    assert set(variables) == {
        "_HANDLER",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "LANG",
        "TZ",
        "PATH",
        "LD_LIBRARY_PATH",
        "TMPDIR",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "MINE",
    }


async def test_only_three_descriptors_are_open(script: Script, start: Start) -> None:
    """Input from nowhere, output and errors into one pipe, and nothing of the platform's."""
    living = await start(
        script("""
            folder = "/proc/self/fd"
            # the fourth is that of the listing itself
            listed = sorted(map(int, os.listdir(folder)))
            same = os.fstat(1).st_ino == os.fstat(2).st_ino
            said = f"{listed} {os.readlink(folder + '/0')} {same}"
            api = Api()
            api.respond(api.next()[0], said.encode())
            """)
    )
    assert (await living.invoke()).body == b"[0, 1, 2, 3] /dev/null True"


async def test_a_runtime_leads_a_session_of_its_own_in_the_task_root(
    script: Script, start: Start, tmp_path: Path
) -> None:
    """One signal reaches all of it, and relative paths are the function's."""
    living = await start(
        script("""
            api = Api()
            api.respond(api.next()[0], f"{os.getsid(0) == os.getpid() == os.getpgid(0)} {os.getcwd()}".encode())
            """)
    )
    assert (await living.invoke()).body.decode() == f"True {os.path.realpath(tmp_path)}"


async def test_memory_is_measured(script: Script, start: Start) -> None:
    """What the function used, not what it was configured to have."""
    living = await start(
        script("""
            api = Api()
            request_id, _ = api.next()
            held = bytearray(60 * 1024 * 1024)
            held[::4096] = bytes(len(held[::4096]))
            api.respond(request_id, b"1")
            api.next()
            """)
    )
    await living.invoke()
    await living.idle()
    used = int(bytes(living._log).partition(b"Max Memory Used: ")[2].split()[0])
    assert 55 < used < 128


# exits

EXITS = [
    ("sys.exit(0)", "Runtime exited without providing a reason"),
    ("os._exit(3)", "Runtime exited with error: exit status 3"),
    ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
    ("os.kill(os.getpid(), signal.SIGSEGV)", "Runtime exited with error: signal: segmentation fault"),
    ("os.kill(os.getpid(), signal.SIGTERM)", "Runtime exited with error: signal: terminated"),
]


@pytest.mark.parametrize(("leave", "reason"), EXITS, ids=[leave for leave, _ in EXITS])
async def test_an_exit_while_working(script: Script, start: Start, leave: str, reason: str) -> None:
    """The caller reads how the runtime ended, and so does the log; the sandbox is over."""
    living = await start(script(f"api = Api()\napi.next()\n{leave}"))
    outcome = await living.invoke()
    assert (outcome.kind, outcome.body) == (OutcomeKind.ERROR, platform_error("Runtime.ExitError", reason))
    await living.ended()
    assert living.log == exit_log(reason)
    assert living.ended_count == 1


@pytest.mark.parametrize(("leave", "reason"), EXITS, ids=[leave for leave, _ in EXITS])
async def test_an_exit_during_init(script: Script, start: Start, leave: str, reason: str) -> None:
    """Init is run a second time within the invocation that waited, which gets it then."""
    living = await start(script(f"say('in init')\n{leave}"))
    outcome = await living.invoke()
    assert outcome.body == platform_error("Runtime.ExitError", reason)
    await living.ended()
    assert living.log == failed_twice("in init\n", reason, "Runtime.ExitError")
    assert living.ended_count == 2


async def test_an_exit_while_idle(script: Script, start: Start) -> None:
    """Nobody is waiting, nothing is reported; the sandbox is over."""
    living = await start(script("api = Api()\napi.ask()\nsys.stdin.read()\n"))
    await living.ended()
    assert (living.ended_count, living.log) == (1, b"")


async def test_an_answer_before_an_exit_is_an_answer(script: Script, start: Start) -> None:
    """A runtime that writes its answer and leaves without reading the reply has answered."""
    living = await start(
        script("""
            api = Api()
            request_id, body = api.next()
            api.post(f"invocation/{request_id}/response", b"x" * 5_000_000)
            os._exit(0)
            """)
    )
    outcome = await living.invoke()
    assert (outcome.kind, outcome.body) == (OutcomeKind.SUCCESS, b"x" * 5_000_000)
    await living.ended()


async def test_an_answer_before_an_exit_with_a_tail(script: Script, start: Start) -> None:
    """Who waits for the log gets the answer as well."""
    living = await start(
        script("""
            api = Api()
            request_id, body = api.next()
            api.post(f"invocation/{request_id}/response", b"fine")
            say("leaving")
            os._exit(3)
            """)
    )
    outcome = await living.invoke(tail=True)
    assert (outcome.kind, outcome.body) == (OutcomeKind.SUCCESS, b"fine")
    assert outcome.log_tail is not None
    assert [line.split()[0] for line in outcome.log_tail.splitlines()] == [
        b"START",
        b"leaving",
        b"RequestId:",
        b"Runtime.ExitError",
        b"END",
        b"REPORT",
    ]


async def test_last_words_are_printed(script: Script, start: Start) -> None:
    """All that was written before the exit is in the log before END, also without a line feed."""
    living = await start(
        script("""
            api = Api()
            api.next()
            os.write(2, b"line\\n" * 1000 + b"unfinished")
            os._exit(1)
            """)
    )
    await living.invoke()
    await living.ended()
    said, _, after = living.log.partition(b"unfinished\n")
    assert said.count(b"line\n") == 1000
    assert after.startswith(b"RequestId: ")


# init errors


async def test_an_init_error_reaches_the_caller(script: Script, start: Start) -> None:
    """Byte for byte, once the second init has failed as well and the runtime has left, whatever its exit status."""
    living = await start(
        script("""
            api = Api()
            api.post("init/error", b'{ "errorType":"Runtime.Oops" }', "Lambda-Runtime-Function-Error-Type: Runtime.Oops\\r\\n")
            api.answer()
            sys.exit(1)
            """)
    )
    outcome = await living.invoke()
    assert outcome == Outcome(OutcomeKind.ERROR, b'{ "errorType":"Runtime.Oops" }', error_type="Runtime.Oops")
    await living.ended()
    reported = "error\tError Type: Runtime.Oops"
    init, again = init_report("init", reported), init_report("invoke", reported)
    assert living.log.decode() == init + START + again + END + report(init="")


async def test_an_init_error_without_reading_the_reply(script: Script, start: Start) -> None:
    """Said and gone is said."""
    living = await start(script("api = Api()\napi.post('init/error', b'why')\nos._exit(1)"))
    assert (await living.invoke()).body == b"why"


async def test_a_runtime_that_stays_after_its_init_error_is_ended(
    script: Script, start: Start, clock: VirtualClock
) -> None:
    """It is expected to leave within half a second."""
    living = await start(
        script("api = Api()\napi.post('init/error', b'why')\napi.answer()\nsay('staying')\nsignal.pause()")
    )
    call = living.calling()
    for count in (1, 2):
        await living.said_often(b"staying", count)
        assert not call.done()
        clock.advance(500)
    assert (await answered(call)).body == b"why"
    await living.ended()
    assert is_gone(living.pid)


# what cannot be started


async def entrypoint_error(living: LivingSandbox, reason: str) -> None:
    """Assert what a caller gets of a runtime that cannot be started, the second time neither."""
    assert (living.sandbox.state, living.ended_count) == (SandboxState.ENDED, 1)
    outcome = await living.invoke()
    assert outcome.body == platform_error("Runtime.InvalidEntrypoint", reason)
    assert living.log == failed_twice("", reason, "Runtime.InvalidEntrypoint")


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (None, 0, "Couldn't find valid bootstrap(s): [{path}]"),
        (b"#!/bin/sh\n", 0o644, "fork/exec {path}: permission denied (is it executable? chmod 755)"),
        (b"#!/no/such/interpreter\n", 0o755, "fork/exec {path}: no such file or directory"),
        (b"no program at all\n", 0o755, "fork/exec {path}: exec format error"),
    ],
    ids=["missing", "not executable", "bad shebang", "no program"],
)
async def test_a_bootstrap_that_cannot_be_run(
    start: Start, tmp_path: Path, content: bytes | None, mode: int, reason: str
) -> None:
    """Runtime.InvalidEntrypoint says what is wrong with it."""
    path = tmp_path / "bootstrap"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    living = await start(Function(name="scripted", task_root=str(tmp_path), runtime="provided"))
    await entrypoint_error(living, reason.format(path=path))


async def test_an_interpreter_that_is_not_there(start: Start, tmp_path: Path, clock: VirtualClock) -> None:
    """That is the platform's error; nothing of the sandbox is left."""
    function = Function(name="scripted", task_root=str(tmp_path), handler="a.b", python="/no/such/python")
    living = LivingSandbox(function, clock)
    with pytest.raises(InterpreterUnusable):
        await living.sandbox.start()
    await living.ended()
    await living.close()


# timeouts


async def test_a_timeout(script: Script, start: Start, clock: VirtualClock) -> None:
    """One millisecond before it nothing happens; then the caller reads it, and the log has its own line for it."""
    living = await start(script("api = Api()\napi.next()\nsay('working')\nsignal.pause()", timeout_ms=1000))
    call = living.calling()
    await living.said(b"working")
    clock.advance(999)
    await asyncio.sleep(0)
    assert not call.done()
    clock.advance(1)
    outcome = await answered(call)
    message = "Task timed out after 1.00 seconds"
    assert (outcome.kind, outcome.body) == (OutcomeKind.TIMEOUT, platform_error("Sandbox.Timedout", message))
    await living.ended()
    assert (
        living.log
        == (
            START
            + "working\n"
            + f"2023-11-14T22:13:21.000Z {REQUEST_ID} {message}\n\n"
            + END
            + report(duration="1000.00", billed=1000, more="Status: timeout")
        ).encode()
    )


async def test_a_timeout_takes_everything_with_it(script: Script, start: Start, clock: VirtualClock) -> None:
    """The whole group, also who ignores SIGTERM, and also who left the group."""
    living = await start(
        script("""
            api = Api()
            api.next()
            for leave in (False, True):
                if os.fork() == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    if leave:
                        os.setsid()
                    say("child", os.getpid(), "of two")
                    while True:
                        signal.pause()
            signal.pause()
            """)
    )
    call = living.calling()
    await until(lambda: living.log.count(b"of two\n") == 2)
    children = [int(line.split()[1]) for line in living.log.splitlines() if line.startswith(b"child")]
    clock.advance(30_000)
    await answered(call)
    await living.ended()
    await until(lambda: all(is_gone(pid) for pid in [*children, living.pid]))


async def test_a_runtime_that_answered_and_never_asks_again_times_out(
    script: Script, start: Start, clock: VirtualClock
) -> None:
    """The caller has its answer; the sandbox is over when the time is."""
    living = await start(
        script("""
            api = Api()
            api.respond(api.next()[0], b"fine")
            signal.pause()
            """)
    )
    assert (await living.invoke()).body == b"fine"
    assert living.sandbox.finishing
    clock.advance(30_000)
    await living.ended()
    assert b"Task timed out after 30.00 seconds" in living.log


async def test_an_init_over_its_limit_is_run_again_by_the_invocation(
    script: Script, start: Start, clock: VirtualClock
) -> None:
    """After ten seconds the process is ended; a new one initialises within the invocation, and in its time."""
    living = await start(
        script("""
            say("initialising")
            while not os.path.exists("go"):
                pass
            api = Api()
            api.ask()
            _, headers, _ = api.answer()
            api.respond(headers["lambda-runtime-aws-request-id"], headers["lambda-runtime-deadline-ms"].encode())
            api.ask()
            sys.stdin.read()
            signal.pause()
            """)
    )
    first = living.pid
    call = living.calling()
    await living.said(b"initialising\n")
    clock.advance(9_999)
    await asyncio.sleep(0)
    assert not is_gone(first)
    clock.advance(1)
    await living.said_often(b"initialising", 2)
    assert is_gone(first)
    clock.advance(2_000)
    Path(living.function.task_root, "go").touch()
    assert int((await answered(call)).body) == START_MS + 10_000 + 30_000
    await living.idle()
    assert living.log.decode() == (
        "initialising\n"
        + init_report("init", "timeout", "10000.00")
        + START
        + "initialising\n"
        + END
        + report(duration="2000.00", billed=2000, init="")
    )


async def test_an_init_that_never_ends_times_out(script: Script, start: Start, clock: VirtualClock) -> None:
    """The limit of init, and then the function's timeout for the second init; that has no limit of its own."""
    living = await start(script("say('here')\nsignal.pause()", timeout_ms=13_000))
    call = living.calling()
    for passes, count in ((10_000, 1), (12_999, 2)):
        await living.said_often(b"here", count)
        clock.advance(passes)
    assert not call.done()
    clock.advance(1)
    message = "Task timed out after 13.00 seconds"
    assert (await answered(call)).body == platform_error("Sandbox.Timedout", message)
    await living.ended()
    assert living.log.decode() == (
        "here\n"
        + init_report("init", "timeout", "10000.00")
        + START
        + "here\n"
        + init_report("invoke", "timeout", "13000.00")
        + f"2023-11-14T22:13:43.000Z {REQUEST_ID} {message}\n\n"
        + END
        + report(duration="13000.00", billed=13000, more="Status: timeout", init="")
    )


async def test_an_init_that_succeeds_the_second_time(script: Script, start: Start) -> None:
    """The caller gets the answer and nothing else; the log stream has both inits."""
    living = await start(
        script("""
            say("attempt in", os.environ["AWS_LAMBDA_LOG_STREAM_NAME"])
            if not os.path.exists("tried"):
                open("tried", "w").close()
                sys.exit(1)
            api = Api()
            while True:
                api.respond(*api.next())
            """)
    )
    outcome = await living.invoke(b"1", tail=True)
    assert (outcome.kind, outcome.body) == (OutcomeKind.SUCCESS, b"1")
    assert outcome.log_tail is not None
    assert [line.split()[0] for line in outcome.log_tail.splitlines()] == [b"START", b"attempt", b"END", b"REPORT"]
    await living.idle()
    attempt = f"attempt in {living.place.log_stream}\n"
    failed = init_report("init", "error\tError Type: Runtime.ExitError")
    assert living.log.decode() == attempt + failed + START + attempt + END + report(init="")


async def test_a_reset_keeps_the_log_stream_and_not_the_process(script: Script, start: Start) -> None:
    """What follows a crash is another process in the same place, with its init as a part of the invocation."""
    living = await start(
        script("""
            count = 0
            api = Api()
            while True:
                request_id, body = api.next()
                count += 1
                if body == b"crash":
                    os._exit(1)
                api.respond(request_id, f"{count} {os.environ['AWS_LAMBDA_LOG_STREAM_NAME']}".encode())
            """)
    )
    first = await living.invoke()
    await living.idle()
    await living.invoke(b"crash")
    again = await asyncio.wait_for(living.again(invocation()), PATIENCE_S)
    await living.idle()
    assert again.body == first.body == b"1 " + living.place.log_stream.encode()
    assert living.log.decode().endswith(START + END + report(init=""))


# runtimes that misbehave

MISBEHAVIOUR = {
    "posts to a wrong id": "status = api.respond('other', b'x')[0]",
    "sends an answer that ends early": """
        broken = Api()
        broken.send(f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\\r\\n".encode())
        broken.send(b"Content-Length: 10\\r\\n\\r\\nhello")
        broken.socket.shutdown(socket.SHUT_WR)
        status = broken.answer()[0]
        """,
    "speaks garbage": """
        broken = Api()
        broken.send(b"\\x00\\x01garbage\\r\\n\\r\\n")
        status = broken.answer()[0]
        """,
    "asks for a mode there is not": """
        api.post(f"invocation/{request_id}/response", b"x", "Lambda-Runtime-Function-Response-Mode: x\\r\\n")
        status = api.answer()[0]
        """,
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
async def test_a_refused_call_leaves_the_invocation_open(script: Script, start: Start, name: str) -> None:
    """The runtime hears 400, and its proper answer afterwards is the caller's."""
    source = "api = Api()\nwhile True:\n    request_id, _ = api.next()\n"
    lines = [line.strip() for line in MISBEHAVIOUR[name].strip().splitlines()]
    source += "".join(f"    {line}\n" for line in lines) + "    api.respond(request_id, str(status).encode())\n"
    living = await start(script(source))
    for _ in range(2):
        assert await living.invoke() == Outcome(OutcomeKind.SUCCESS, b"400")
        await living.idle()


async def test_a_second_answer_is_refused(script: Script, start: Start) -> None:
    """The first counts; the runtime hears 403 and goes on."""
    living = await start(
        script("""
            api = Api()
            second = (0, {}, b"")
            while True:
                request_id, _ = api.next()
                api.respond(request_id, str(second[0]).encode())
                second = api.respond(request_id, b"second")
            """)
    )
    assert (await living.invoke()).body == b"0"
    await living.idle()
    assert (await living.invoke()).body == b"403"


async def test_a_flood_of_output_without_line_feed(script: Script, start: Start) -> None:
    """Ten megabytes reach the log before END, in lines of bounded length."""
    living = await start(
        script("""
            api = Api()
            request_id, _ = api.next()
            for _ in range(100):
                sys.stdout.write("x" * 100_000)
            sys.stdout.flush()
            api.respond(request_id, b"1")
            api.next()
            """)
    )
    assert (await living.invoke()).body == b"1"
    await living.idle()
    before, _, _ = living.log.partition(b"END RequestId")
    assert before.count(b"x") == 10_000_000
    assert max(len(line) for line in before.splitlines()) < 512 * 1024


@pytest.mark.parametrize("leave", ["pass", "os.setsid()"], ids=["in the group", "in its own session"])
@pytest.mark.parametrize("end", ["exit", "stop"])
async def test_a_child_that_keeps_the_pipe(script: Script, start: Start, leave: str, end: str) -> None:
    """It does not keep the sandbox, and does not outlive it."""
    living = await start(
        script(f"""
            if os.fork() == 0:
                {leave}
                say("child", os.getpid(), "here")
                while True:
                    signal.pause()
            api = Api()
            request_id, body = api.next()
            if body == b"exit":
                sys.exit(0)
            api.respond(request_id, b"1")
            api.next()
            """)
    )
    await living.said(b"here\n")
    child = int(living.log.split()[1])
    await living.invoke(end.encode())
    if end == "stop":
        await living.sandbox.stop()
    await living.ended()
    await until(lambda: is_gone(child))


async def test_a_child_that_keeps_a_connection_does_not_keep_the_sandbox(
    script: Script, start: Start, clock: VirtualClock
) -> None:
    """Last words are waited for, but not for long."""
    living = await start(
        script("""
            api = Api()
            api.next()
            if os.fork() == 0:
                os.setsid()
                say("child", os.getpid(), "here")
                while True:
                    signal.pause()
            sys.exit(0)
            """)
    )
    call = living.calling()
    await living.said(b"here\n")
    await until(lambda: 200.0 in clock.pending)
    assert not call.done()
    clock.advance(200)
    assert b"without providing a reason" in (await answered(call)).body
    await living.ended()
    child = next(int(line.split()[1]) for line in living.log.splitlines() if line.startswith(b"child"))
    await until(lambda: is_gone(child))


# ends


async def test_stopping_a_busy_sandbox(script: Script, start: Start) -> None:
    """The caller hears of it."""
    living = await start(script("api = Api()\napi.next()\nsay('working')\nsignal.pause()"))
    call = living.calling()
    await living.said(b"working")
    await living.sandbox.stop()
    reason = "Runtime exited with error: signal: killed"
    assert (await answered(call)).body == platform_error("Runtime.ExitError", reason)
    assert living.ended_count == 1


async def test_stopping_right_after_an_answer(script: Script, start: Start) -> None:
    """What was answered is reported as that, though the runtime never got to ask for more."""
    living = await start(script("api = Api()\napi.respond(api.next()[0], b'1')\nsignal.pause()"))
    assert (await living.invoke()).body == b"1"
    await living.sandbox.stop()
    assert living.log == (START + END + report()).encode()


async def test_stopping_twice_is_stopping_once(script: Script, start: Start) -> None:
    """Both wait until it is over, and it ends once."""
    living = await start(script(ECHO))
    await asyncio.gather(living.sandbox.stop(), living.sandbox.stop())
    assert living.ended_count == 1
    assert is_gone(living.pid)


async def test_stopping_while_starting(script: Script, clock: VirtualClock, no_loop_errors: None) -> None:
    """Whatever was started by then is over."""
    living = LivingSandbox(script(ECHO), clock)
    starting = asyncio.ensure_future(living.sandbox.start())
    await asyncio.sleep(0)
    await living.sandbox.stop()
    await starting
    assert living.sandbox._programs.runtime is None or is_gone(living.pid)
    assert b"killed" in (await living.invoke()).body
    await living.close()


async def test_cancelling_a_start_leaves_nothing(
    script: Script, start: Start, clock: VirtualClock, no_loop_errors: None
) -> None:
    """Wherever the cancellation comes, every descriptor is given back."""
    # What the event loop keeps for itself after its first server is no leak.
    await (await start(script(ECHO))).close()
    before = len(os.listdir("/proc/self/fd"))
    for turns in range(6):
        living = LivingSandbox(script(ECHO), clock)
        starting = asyncio.ensure_future(living.sandbox.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        await living.close()
        await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_the_port_is_closed(script: Script, start: Start) -> None:
    """Nobody answers where the Runtime API was."""
    living = await start(script(ECHO))
    host, port = living.sandbox._endpoint.address.split(":")
    socket.create_connection((host, int(port))).close()
    await living.sandbox.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(
    "source", [ECHO, "api = Api()\napi.next()\nos._exit(1)", "os._exit(1)"], ids=["echo", "exit", "init"]
)
async def test_sandboxes_leave_no_descriptor(script: Script, start: Start, source: str) -> None:
    """Pipes, ports, connections and pidfds are closed."""
    function = script(source)

    async def one() -> None:
        living = await start(function)
        await living.invoke()
        await living.close()

    await one()
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(2):
        await asyncio.gather(*(one() for _ in range(3)))
    await until(lambda: len(os.listdir("/proc/self/fd")) <= len(before))


async def test_without_pidfds_exits_are_noticed_all_the_same(
    script: Script, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when more runtimes live than the event loop's executor has threads."""
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    waiting = [await start(script(ECHO)) for _ in range((os.cpu_count() or 1) + 5)]
    living = await start(script("api = Api()\napi.next()\nos._exit(3)"))
    outcome = await living.invoke()
    assert outcome.body == platform_error("Runtime.ExitError", "Runtime exited with error: exit status 3")
    await asyncio.gather(*(one.sandbox.stop() for one in waiting))

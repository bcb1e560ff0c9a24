"""A sandbox's life with extensions, all of them real processes: who is told what, who waits for whom, and what a failure costs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.sandbox.sandbox import SandboxState
from tests.runtime_api.conftest import Script
from tests.runtime_api.fake_runtime import REQUEST_ID, invocation
from tests.runtime_api.living_sandbox import answered, is_gone
from tests.runtime_api.runtime_scripts import ECHO, INTERNAL, WATCHER, external_extension
from tests.runtime_api.sandbox.conftest import StartIn
from tests.runtime_api.virtual_clock import START_MS, VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until

START = f"START RequestId: {REQUEST_ID} Version: $LATEST"
END = f"END RequestId: {REQUEST_ID}"
READY = "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"
TOLD = f"watcher: INVOKE {REQUEST_ID}"


def report(duration: str = "0.00", billed: int = 0, more: str = "", init: bool = True) -> str:
    """A REPORT line."""
    cold = "Init Duration: 0.00 ms\t" if init else ""
    return (
        f"REPORT RequestId: {REQUEST_ID}\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: 128 MB\tMax Memory Used: N MB\t{cold}{more}"
    )


def error_of(body: bytes) -> tuple[str, str]:
    """Type and text of an error the platform words, without the request id every text begins with."""
    error = json.loads(body)
    return error["errorType"], error["errorMessage"].removeprefix(f"RequestId: {REQUEST_ID} Error: ")


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """The folder that stands for /opt."""
    return tmp_path / "opt"


# init


async def test_the_order_of_init(script: Script, start_in: StartIn, opt: Path, tmp_path: Path) -> None:
    """Extensions register before the runtime is started, and the sandbox is idle when all of them are ready as well."""
    external_extension(
        opt, "watcher", "say('first')\nwait_for('register')\n" + "register('SHUTDOWN')\nwait_for('ready')\nnext_event()"
    )
    living = await start_in(script("say('second')\napi = Api()\napi.next()"), opt)
    await living.said(b"first\n")
    assert living.sandbox._programs.runtime is None
    (tmp_path / "register").touch()
    await living.said(b"second\n")
    await until(lambda: living.sandbox._endpoint._polls)
    assert living.sandbox.state is SandboxState.INIT
    (tmp_path / "ready").touch()
    await living.idle()
    assert living.lines == ["first", "second", "EXTENSION\tName: watcher\tState: Ready\tEvents: [SHUTDOWN]"]


async def test_an_invocation_with_an_extension(script: Script, start_in: StartIn, opt: Path) -> None:
    """The extension hears of it, its lines stand between START and REPORT, and the next one is like the first."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(script(ECHO), opt)
    assert (await living.invoke(b"1")).body == b"1"
    await living.idle()
    log = living.lines
    assert (log[0], log[1], log[-1]) == (READY, START, report())
    assert sorted(log[2:-1]) == sorted([TOLD, END])
    assert (await living.invoke(b"2")).body == b"2"
    await living.idle()
    assert living.lines[-1] == report(init=False)


async def test_the_facts_an_extension_gets(script: Script, start_in: StartIn, opt: Path, clock: VirtualClock) -> None:
    """The function's name and handler, the event's deadline and trace, and none of the variables that are the runtime's alone."""
    external_extension(
        opt,
        "watcher",
        """
        say(register("INVOKE")[1].decode())
        say(json.dumps(next_event()))
        say(json.dumps(dict(os.environ)))
        next_event()
        """,
    )
    living = await start_in(script(ECHO, handler="app.handler", environment={"MINE": "1"}), opt)
    await living.invoke()
    await living.idle()
    facts, event, variables = (json.loads(line) for line in living.lines if line.startswith("{"))
    assert facts == {"functionName": "scripted", "functionVersion": "$LATEST", "handler": "app.handler"}
    assert event == {
        "eventType": "INVOKE",
        "deadlineMs": int(START_MS) + 30_000,
        "requestId": REQUEST_ID,
        "invokedFunctionArn": invocation().invoked_arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation().trace_id},
    }
    assert (variables["MINE"], variables["AWS_LAMBDA_FUNCTION_NAME"]) == ("1", "scripted")
    assert variables["AWS_LAMBDA_RUNTIME_API"] == living.sandbox._endpoint.address
    runtime_only = {"_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_LOG_STREAM_NAME", "_AWS_XRAY_DAEMON_PORT"}
    assert not runtime_only & set(variables)


async def test_an_extension_by_a_symbolic_link(script: Script, start_in: StartIn, opt: Path) -> None:
    """Its name is the link's, not that of what it leads to."""
    external_extension(opt / "elsewhere", "program", WATCHER)
    (opt / "extensions").mkdir()
    (opt / "extensions" / "watcher").symlink_to(opt / "elsewhere" / "extensions" / "program")
    living = await start_in(script(ECHO), opt)
    await living.invoke()
    await living.idle()
    assert {READY, TOLD} <= set(living.lines)


async def test_an_extension_that_wants_to_hear_nothing(script: Script, start_in: StartIn, opt: Path) -> None:
    """It is waited for in init, and in no invocation."""
    external_extension(opt, "quiet", "register()\nnext_event()\nsay('never')")
    living = await start_in(script(ECHO), opt)
    for _ in range(3):
        await living.invoke()
        await living.idle()
    assert living.lines[0] == "EXTENSION\tName: quiet\tState: Ready\tEvents: []"
    assert "never" not in living.lines


async def test_an_internal_extension(script: Script, start_in: StartIn, opt: Path) -> None:
    """It hears of each invocation while the runtime works, and the sandbox is busy until it asks again."""
    (opt / "extensions").mkdir(parents=True)
    living = await start_in(
        script(
            INTERNAL
            + """
    api = Api()
    while True:
        request_id, _ = api.next()
        event = json.loads(inner.answer()[2])
        assert event["requestId"] == request_id
        api.respond(request_id, event["eventType"].encode())
        if not os.path.exists("late"):
            call("GET", "event/next", headers=me)
            continue
        api.ask()
        while not os.path.exists("go"):
            pass
        call("GET", "event/next", headers=me)
        api.answer()
    """
        ),
        opt,
    )
    assert (await living.invoke()).body == b"INVOKE"
    await living.idle()
    Path(living.function.task_root, "late").touch()
    assert (await living.invoke()).body == b"INVOKE"
    await until(lambda: living.sandbox._endpoint._polls)
    assert (living.sandbox.state, living.sandbox.finishing) == (SandboxState.BUSY, True)
    Path(living.function.task_root, "go").touch()
    await living.idle()
    assert living.lines[0] == "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]"


# who waits for whom


async def test_the_caller_does_not_wait_for_extensions(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, tmp_path: Path
) -> None:
    """It has its answer; the sandbox is free when the extension is, and REPORT counts until then."""
    external_extension(opt, "watcher", "register('INVOKE')\nnext_event()\nwait_for('go')\nsay('done')\nnext_event()")
    living = await start_in(script(ECHO), opt)
    assert (await living.invoke(b"1")).body == b"1"
    await living.said(b"END")
    clock.advance(250)
    assert (living.sandbox.state, living.sandbox.finishing) == (SandboxState.BUSY, True)
    (tmp_path / "go").touch()
    await living.idle()
    assert living.lines[-3:] == [END, "done", report("250.00", 250)]


async def test_a_caller_who_wants_the_log_waits_for_report(
    script: Script, start_in: StartIn, opt: Path, tmp_path: Path
) -> None:
    """And gets what the extensions said, too."""
    external_extension(opt, "watcher", "register('INVOKE')\nnext_event()\nwait_for('go')\nsay('done')\nnext_event()")
    living = await start_in(script(ECHO), opt)
    call = living.calling(b"1", tail=True)
    await living.said(b"END")
    assert not call.done()
    (tmp_path / "go").touch()
    outcome = await answered(call)
    assert outcome.body == b"1"
    assert outcome.log_tail is not None
    assert [line.split()[0] for line in outcome.log_tail.splitlines()] == [b"START", b"END", b"done", b"REPORT"]


async def test_the_timeout_covers_extensions(script: Script, start_in: StartIn, opt: Path, clock: VirtualClock) -> None:
    """The caller has its answer already; the sandbox is reset, and says so in REPORT."""
    external_extension(opt, "watcher", "register('INVOKE')\nnext_event()\nsay('at work')\nsignal.pause()")
    living = await start_in(script(ECHO, timeout_ms=1000), opt)
    assert (await living.invoke(b"1")).body == b"1"
    await living.said(b"at work", b"END")
    clock.advance(999)
    assert living.sandbox.state is SandboxState.BUSY
    clock.advance(1)
    assert living.sandbox.failed
    assert sorted(living.lines[2:]) == sorted([END, "at work", report("1000.00", 1000, "Status: timeout")])


async def test_an_exit_is_noticed_although_an_extension_stays_connected(
    script: Script, start_in: StartIn, opt: Path
) -> None:
    """Last words are waited for as long as the runtime's own connections are open, and no time passes here."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(script("api = Api()\napi.next()\nos._exit(3)"), opt)
    outcome = await living.invoke()
    assert error_of(outcome.body) == ("Runtime.ExitError", "Runtime exited with error: exit status 3")
    await living.ended()
    assert "watcher: SHUTDOWN failure" in living.lines


# extensions that fail

FAILURES = [
    ("sys.exit(0)", "Exited", "Extension.Crash", "Extension.Crash", "exit code 0"),
    ("os._exit(3)", "Exited", "Extension.Crash", "Extension.Crash", "exit status 3"),
    ("os.kill(os.getpid(), 9)", "Exited", "Extension.Crash", "Extension.Crash", "signal: killed"),
    (
        "report('exit/error')",
        "ExitError",
        "Extension.Oops",
        "Extension.ExitError",
        "the extension watcher reported Extension.Oops",
    ),
]
INIT_FAILURES = [
    *FAILURES,
    (
        "report('init/error')",
        "InitError",
        "Extension.Oops",
        "Extension.InitError",
        "the extension watcher reported Extension.Oops",
    ),
]


@pytest.mark.parametrize(("leave", "state", "own", "error_type", "message"), INIT_FAILURES)
async def test_an_extension_that_fails_in_init(
    script: Script, start_in: StartIn, opt: Path, leave: str, state: str, own: str, error_type: str, message: str
) -> None:
    """Init is run again within the invocation that waited, and fails for it when it fails again."""
    external_extension(opt, "watcher", f"register('INVOKE')\n{leave}\nsignal.pause()")
    # The runtime comes too late: it does not matter whether it was started.
    living = await start_in(script("signal.pause()"), opt)
    assert error_of((await living.invoke()).body) == (error_type, message)
    failed = f"EXTENSION\tName: watcher\tState: {state}\tEvents: [INVOKE]\tError Type: {own}"
    phases = [line.split("\t")[1:] for line in living.lines if line.startswith("INIT_REPORT")]
    assert living.lines.count(failed) == 2
    assert phases == [[f"Phase: {phase}", "Status: error", f"Error Type: {error_type}"] for phase in ("init", "invoke")]
    assert living.lines[-1].endswith(f"Status: error\tError Type: {error_type}")


@pytest.mark.parametrize(("leave", "state", "own", "error_type", "message"), FAILURES)
async def test_an_extension_that_fails_in_an_invocation(
    script: Script, start_in: StartIn, opt: Path, leave: str, state: str, own: str, error_type: str, message: str
) -> None:
    """It fails the invocation."""
    external_extension(opt, "watcher", f"register('INVOKE')\nnext_event()\n{leave}\nsignal.pause()")
    living = await start_in(script("api = Api()\napi.next()\nsignal.pause()"), opt)
    outcome = await living.invoke()
    assert outcome.kind is OutcomeKind.ERROR
    assert error_of(outcome.body) == (error_type, message)
    assert living.lines[1:] == [
        START,
        f"EXTENSION\tName: watcher\tState: {state}\tEvents: [INVOKE]\tError Type: {own}",
        f"RequestId: {REQUEST_ID} Error: {message}",
        error_type,
        END,
        report(more=f"Status: error\tError Type: {error_type}"),
    ]


async def test_an_extension_that_fails_after_the_answer(
    script: Script, start_in: StartIn, opt: Path, tmp_path: Path
) -> None:
    """The answer stands; REPORT has the failure, and the sandbox is over."""
    external_extension(opt, "watcher", "register('INVOKE')\nnext_event()\nwait_for('go')\nsys.exit(1)")
    living = await start_in(script(ECHO), opt)
    assert (await living.invoke(b"1")).body == b"1"
    await living.said(b"END")
    (tmp_path / "go").touch()
    await until(lambda: living.sandbox.state is SandboxState.ENDED)
    assert living.lines[-1] == report(more="Status: error\tError Type: Extension.Crash")
    assert living.log.count(b"END") == 1


async def test_an_extension_that_fails_idle(script: Script, start_in: StartIn, opt: Path, tmp_path: Path) -> None:
    """Nobody is waiting; the sandbox is over, and the next one starts in its place, within its invocation."""
    external_extension(
        opt, "watcher", "register('SHUTDOWN')\nask_event()\nwait_for('go')\nos.remove('go')\nsys.exit(1)"
    )
    living = await start_in(script(ECHO), opt)
    await living.idle()
    (tmp_path / "go").touch()
    await until(lambda: living.sandbox.state is SandboxState.ENDED)
    crashed = "EXTENSION\tName: watcher\tState: Exited\tEvents: [SHUTDOWN]\tError Type: Extension.Crash"
    assert living.lines[1:] == [crashed]
    assert (living.sandbox.failed, living.sandbox.failed_init) == (True, False)
    external_extension(opt, "watcher", WATCHER)
    assert (await asyncio.wait_for(living.again(invocation(payload=b"1")), PATIENCE_S)).body == b"1"
    await living.idle()
    assert [line for line in living.lines[2:] if line != TOLD] == [START, READY, END, report(init=False)]


async def test_an_extension_that_died_idle_unnoticed(script: Script, start_in: StartIn, opt: Path) -> None:
    """Its sandbox is given to nobody."""
    external_extension(opt, "watcher", WATCHER)
    living = await start_in(script(ECHO), opt)
    await living.idle()
    extension = living.sandbox._programs.external["watcher"].group
    os.kill(extension.pid, signal.SIGKILL)
    while not extension.has_ended():
        pass
    assert living.sandbox.state is SandboxState.IDLE
    assert not living.sandbox.can_invoke()
    assert living.sandbox.failed


NEVER = [
    ("signal.pause()", "State: Started\tEvents: []"),
    ("register('INVOKE')\nsignal.pause()", "State: Registered\tEvents: [INVOKE]"),
]


@pytest.mark.parametrize(("source", "stands"), NEVER, ids=["registers", "asks for an event"])
async def test_an_extension_that_never(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, source: str, stands: str
) -> None:
    """Init takes its ten seconds, and the log says how far the extension came."""
    external_extension(opt, "watcher", f"{source}")
    living = await start_in(script("say('runtime')\napi = Api()\napi.next()"), opt)
    if "register" in source:
        await until(lambda: living.sandbox._endpoint._polls)
    clock.advance(9_999)
    assert living.sandbox.state is SandboxState.INIT
    clock.advance(1)
    assert (living.sandbox.state, living.sandbox.failed_init) == (SandboxState.ENDED, True)
    assert living.lines[-2:] == [
        f"EXTENSION\tName: watcher\t{stands}",
        "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout",
    ]


async def test_the_eleventh_extension(script: Script, start_in: StartIn, opt: Path) -> None:
    """Too many: none of them is left running, and the runtime was not started."""
    for number in range(11):
        external_extension(opt, f"ext{number:02}", "signal.pause()")
    living = await start_in(script(ECHO), opt)
    pids = [program.group.pid for program in living.sandbox._programs]
    assert error_of((await living.invoke()).body) == ("Extension.LaunchError", "extension limit (10) reached")
    assert len(pids) == 10
    await living.ended()
    assert all(is_gone(pid) for pid in pids)
    assert "EXTENSION\tName: ext10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions" in living.lines


@pytest.mark.parametrize(
    ("shebang", "mode", "own", "reason"),
    [
        ("#!/bin/sh", 0o644, "PermissionDenied", "permission denied"),
        ("#!/no/such/shell", 0o755, "UnknownError", "no such file or directory"),
    ],
)
async def test_an_extension_that_cannot_be_started(
    script: Script, start_in: StartIn, opt: Path, shebang: str, mode: int, own: str, reason: str
) -> None:
    """Extension.LaunchError says what is wrong with it; nothing after it is started."""
    path = opt / "extensions" / "broken"
    external_extension(opt, "later", "say('never')")
    path.write_text(f"{shebang}\n")
    path.chmod(mode)
    living = await start_in(script("say('never')"), opt)
    outcome = await living.invoke()
    assert error_of(outcome.body) == ("Extension.LaunchError", f"fork/exec {path}: {reason}")
    failed = f"EXTENSION\tName: broken\tState: LaunchError\tEvents: []\tError Type: {own}"
    assert living.lines.count(failed) == 2
    assert "never" not in living.lines

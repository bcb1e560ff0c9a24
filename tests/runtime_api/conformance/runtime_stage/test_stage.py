from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from runtime_api.conformance.cases import Scenario
from runtime_api.conformance.runtime_stage import testee
from runtime_api.conformance.runtime_stage.event import event
from runtime_api.conformance.runtime_stage.evidence import evidence_of
from runtime_api.conformance.runtime_stage.record import Run
from runtime_api.conformance.runtime_stage.stage import HarnessFault, Stage, play
from runtime_api.conformance.runtime_stage.surroundings import HANDLERS, CommandMissing, absolute
from runtime_api.conformance.runtime_stage.testee import CannotStart
from runtime_api.conformance.target import Pace, Target
from tests.runtime_api.waiting import until

PACE = Pace(patience_s=5.0)


def script(source: str) -> Target:
    """A command that is a Python script."""
    return Target((sys.executable, "-I", "-S", "-c", source), HANDLERS / "python")


async def watch(stage: Stage) -> None:
    """Start it and wait for something to happen."""
    await stage.start()
    await stage.until(lambda: stage.printed() > 0)


async def play_until_it_prints(source: str) -> Run:
    """The record of a script that is watched until it prints something."""
    return await play(Scenario("watched", watch), script(source), PACE)


async def test_a_command_that_cannot_be_started_is_said_to_be(tmp_path: Path) -> None:
    """It is nobody's failure but the command line's."""
    (tmp_path / "bootstrap").write_text("not a program")
    (tmp_path / "bootstrap").chmod(0o755)
    with pytest.raises(CannotStart, match="bootstrap cannot be started"):
        await play(Scenario("watched", watch), Target((str(tmp_path / "bootstrap"),), HANDLERS / "python"), PACE)
    (tmp_path / "bootstrap").write_text("#!/nowhere/interpreter")
    with pytest.raises(CannotStart, match="the interpreter in its first line, or its loader, is missing"):
        await play(Scenario("watched", watch), Target((str(tmp_path / "bootstrap"),), HANDLERS / "python"), PACE)
    with pytest.raises(CommandMissing, match="no such command"):
        absolute(["./nowhere"])


def test_arguments_that_name_files_still_do_in_the_task_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process starts elsewhere than the command line was typed; what is no file is left alone."""
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "main.js").touch()
    (tmp_path / "boot.js").touch()
    monkeypatch.chdir(tmp_path)
    runtime = str(tmp_path / "runtime" / "main.js")
    argv = absolute([sys.executable, "boot.js", "runtime/main.js", "a/b", "app.handler"])
    assert argv == [sys.executable, str(tmp_path / "boot.js"), runtime, "a/b", "app.handler"]


def test_a_word_that_happens_to_name_a_file_stays_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name is a script's only where an interpreter has one, and a folder's nowhere."""
    (tmp_path / "function").touch()
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path)
    argv = [sys.executable, "run", "--name", "function"]
    assert absolute(argv) == argv


async def test_the_process_finds_what_lambda_documents_and_nothing_of_ours() -> None:
    """Its working directory is the task root, with the handlers in it; our variables do not leak."""
    os.environ["LEAKED_FROM_THE_HARNESS"] = "1"
    try:
        run = await play_until_it_prints("import os; print(os.getcwd(), sorted(os.listdir()), sorted(os.environ))")
    finally:
        del os.environ["LEAKED_FROM_THE_HARNESS"]
    printed = run.process.stdout.decode()
    assert "/task ['conf.py', 'conf_syntax.py']" in printed
    assert "'AWS_LAMBDA_RUNTIME_API'" in printed
    assert "LEAKED_FROM_THE_HARNESS" not in printed


async def test_what_the_process_leaves_in_its_temporary_folder_goes_with_the_scenario() -> None:
    """It is killed in the end, and cannot clean up."""
    run = await play_until_it_prints("import tempfile; print(tempfile.mkdtemp())")
    left = Path(run.process.stdout.decode().strip())
    assert (left.parent.name, left.exists()) == ("tmp", False)


async def test_output_without_end_is_ended() -> None:
    """A process that floods is stopped, and its record says why."""
    run = await play(Scenario("gone", wait_for_end), script("while True: print('y' * 65536)"), PACE)
    assert "printed more than 64 MiB" in run.process.ending
    assert 0 < len(run.process.stdout) < 8 * 1024 * 1024


async def test_what_was_never_started_leaves_nothing_open() -> None:
    """A server may fail before its process is there; what was started and cleared leaves nothing either."""
    before = psutil.Process().num_fds()
    for _ in range(5):
        await testee.Testee("mark", lambda: 0.0, lambda: None).clear()
    assert psutil.Process().num_fds() == before


async def test_what_cannot_be_ended_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in the middle of a system call outlives even SIGKILL; the next scenario does not wait for that."""
    monkeypatch.setattr(testee, "members_of", lambda leader, mark: set())
    monkeypatch.setattr(testee, "_CLEAR_S", 0.05)
    one = testee.Testee("mark", lambda: 0.0, lambda: None)
    await one.start([sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path)
    try:
        await asyncio.wait_for(one.clear(), 5)
    finally:
        one.signal(signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(one.record.pid))


async def test_nobody_is_ended_for_a_number_that_was_given_again(tmp_path: Path) -> None:
    """The pid of a process that is over may be another's, whose children are not ours to end."""
    one = testee.Testee("a mark of its own", lambda: 0.0, lambda: None)
    await one.start([sys.executable, "-c", ""], {}, tmp_path)
    await until(lambda: not one.is_alive)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    one.record.pid = os.getpid()
    members = one.members()
    await one.clear()
    await other.communicate(b"\n")
    assert (members, other.returncode) == (set(), 0)


async def wait_for_end(stage: Stage) -> None:
    """Start it and wait for its end."""
    await stage.start()
    await stage.gone(within_s=10)


STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


async def test_nothing_that_was_started_is_left() -> None:
    """Neither what ignores signals, nor what went off into a session of its own."""
    run = await play_until_it_prints(STUBBORN)
    stray = int(run.process.stdout)
    assert not psutil.pid_exists(run.process.pid)
    assert not psutil.pid_exists(stray) or psutil.Process(stray).status() == psutil.STATUS_ZOMBIE


async def test_a_scenario_ends_at_once_when_the_process_does() -> None:
    """What can never come is not waited for."""

    async def impatient(stage: Stage) -> None:
        await stage.start()
        assert not await stage.idle(within_s=60)
        assert not await stage.serve(within_s=60)
        stage.mark("over")

    run = await play(Scenario("impatient", impatient), script("raise SystemExit(3)"), PACE)
    assert run.marks["over"] < 10_000
    assert (run.process.status, run.process.ending) == (3, "exited with status 3")
    assert "no request at all; the process exited with status 3" in run.story


async def test_a_reply_we_cannot_send_is_our_fault() -> None:
    """A scenario that goes wrong by itself proves nothing against the runtime."""

    async def unsendable(stage: Stage) -> None:
        stage.send(event("x", headers={"X-Odd": "\u20ac"}))
        await stage.start()
        await stage.until(lambda: stage.run.faults)

    source = "import os, socket; host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\n"
    source += "with socket.create_connection((host, int(port))) as one:\n"
    source += " one.sendall(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n'); one.recv(1)"
    with pytest.raises(HarnessFault, match="UnicodeEncodeError"):
        await play(Scenario("unsendable", unsendable), script(source), PACE)


async def test_an_end_by_a_signal_is_told_by_its_name() -> None:
    """Of the process itself; one that we ended has no status at all."""
    run = await play(Scenario("gone", wait_for_end), script("import os; os.kill(os.getpid(), 11)"), PACE)
    assert (run.process.status, run.process.ending) == (-signal.SIGSEGV, "was ended by SIGSEGV")
    ended = await play_until_it_prints("import time; print('up', flush=True); time.sleep(600)")
    assert (ended.process.status, ended.process.ended_by_us) == (None, "the scenario was over")


async def test_the_evidence_tells_wire_end_and_output() -> None:
    """What is not printable in it is escaped."""
    source = "import sys; sys.stdout.buffer.write(b'\\xffhello'); sys.exit('bye')"
    run = await play(Scenario("gone", wait_for_end), script(source), PACE)
    text = evidence_of(run)
    assert "started process" in text
    assert "exited with status 1" in text
    assert "--- stdout\n\\xffhello" in text
    assert "--- stderr\nbye" in text

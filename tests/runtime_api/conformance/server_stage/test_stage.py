"""The stage of the server mode against servers that do not do what they should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from runtime_api.conformance.cases import Scenario
from runtime_api.conformance.runner import CannotJudge
from runtime_api.conformance.runtime_stage.testee import CannotStart
from runtime_api.conformance.server_stage import switchboard, target
from runtime_api.conformance.server_stage.course import Course, evidence_of
from runtime_api.conformance.server_stage.function_folder import fill_folder
from runtime_api.conformance.server_stage.stage import Stage, play
from runtime_api.conformance.server_stage.target import FoundServer, ServerPace, ServerUnusable, SpawnedServers
from tests.runtime_api.conformance.mutants.server_reference import Request, Sandbox, Server

PACE = ServerPace(patience_s=0.5, idle_s=0.1, timeout_s=1, quiet_s=0.1)
# Takes connections and says nothing, or says what is no HTTP.
MUTE = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); kept = []\nwhile True: kept.append(s.accept())"
RUDE = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True: s.accept()[0].sendall(b'hello?')"


async def one_invocation(stage: Stage) -> None:
    """A call, a poll, a result."""
    await stage.start(timeout_s=stage.pace.timeout_s)
    call = stage.invoke(b'"in"', within_s=0.5)
    runtime = await stage.runtime()
    stage.keep("event", await runtime.next())
    stage.keep("accepted", await runtime.respond(b'"out"'))
    await runtime.park()
    stage.keep("outcome", await call)


async def starts(stage: Stage) -> None:
    """Nothing but the server."""
    await stage.start()


async def starts_with_options(stage: Stage) -> None:
    """That with what a feature needs."""
    await stage.start(feature="tenant")


async def played_by(code: str) -> Course:
    """One invocation on a server made of a line of Python."""
    servers = SpawnedServers((sys.executable, "-c", code, "{port}"))
    return await play(Scenario("one", one_invocation), servers, PACE)


async def test_both_ends_are_the_suites() -> None:
    """What the caller sends reaches the runtime, what the runtime posts reaches the caller."""
    course = await play(Scenario("one", one_invocation), Server(), PACE)
    assert (course["event"].body, course["accepted"].status, course["outcome"].body) == (b'"in"', 202, b'"out"')
    text = evidence_of(course)
    assert "GET /2018-06-01/runtime/invocation/next" in text
    assert '"out"' in text


@pytest.mark.parametrize(
    ("code", "told", "timed_out"), [(MUTE, "no answer within 0.5 s", True), (RUDE, "not HTTP/1.1", False)]
)
async def test_a_server_that_is_none_leaves_faults(code: str, told: str, timed_out: bool) -> None:
    """The scenario goes to its end, and nothing of the server is left."""
    course = await played_by(code)
    assert told in course["outcome"].fault
    assert course["outcome"].is_timed_out is timed_out
    assert course["event"].fault.startswith("no runtime was started")
    assert not psutil.pid_exists(course.servers[0].pid)


async def test_a_server_that_ends_at_once_is_told_with_its_output() -> None:
    """No verdict is possible on it."""
    with pytest.raises(CannotJudge, match=r"exited with status 3: \\x1b\[31mno such option"):
        await played_by("import sys; print('\\x1b[31mno such option'); sys.exit(3)")


async def test_a_server_that_is_never_ready_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With who ended it, and why."""
    monkeypatch.setattr(target, "_START_S", 0.1)
    with pytest.raises(CannotJudge, match=r"ran until the suite ended it: it was not ready after 0\.1 s$"):
        await played_by("import signal; signal.pause()")


async def test_options_that_no_server_starts_with_are_their_scenarios_affair() -> None:
    """Whether the command starts one without them is still to be seen."""
    servers = SpawnedServers((sys.executable, "-c", "import sys; sys.exit(sys.argv[1])"), options={"tenant": ("no!",)})
    with pytest.raises(ServerUnusable, match="exited with status 1: no!") as caught:
        await play(Scenario("options", starts_with_options), servers, PACE)
    assert not isinstance(caught.value, CannotJudge)


async def test_a_start_that_fails_after_others_ends_no_run(tmp_path: Path) -> None:
    """The rest can be judged."""
    once = f"import os, sys; os.mkdir({str(tmp_path / 'started')!r})\n{MUTE}"
    servers = SpawnedServers((sys.executable, "-c", once, "{port}"))
    await play(Scenario("first", starts), servers, PACE)
    with pytest.raises(ServerUnusable, match="FileExistsError") as caught:
        await play(Scenario("second", starts), servers, PACE)
    assert not isinstance(caught.value, CannotJudge)


async def test_what_a_server_leaves_in_its_temporary_folder_goes_with_the_scenario(tmp_path: Path) -> None:
    """It may be killed in the end, and cannot clean up then."""
    told = tmp_path / "told"
    leaves = f"import tempfile; open({str(told)!r}, 'w').write(tempfile.mkdtemp())\n{MUTE}"
    await play(Scenario("leaves", starts), SpawnedServers((sys.executable, "-c", leaves, "{port}")), PACE)
    left = Path(told.read_text())
    assert (left.parent.name, left.exists()) == ("tmp", False)


async def test_a_command_that_does_not_exist_is_told() -> None:
    """No verdict is possible on it."""
    with pytest.raises(CannotStart, match="nowhere"):
        await play(Scenario("one", one_invocation), SpawnedServers(("/nowhere/server",)), PACE)


async def test_a_server_that_is_found_serves_scenario_after_scenario(tmp_path: Path) -> None:
    """Each gets a sandbox of its own, through the folder that was written before."""
    server = Server()

    found: FoundServer | None = None
    outer = Stage("outer", server, PACE, tmp_path)
    await outer.start()
    try:
        found = FoundServer(f"http://127.0.0.1:{server.port}", tmp_path / "task", 3.0)
        await found.open("127.0.0.1", 0)
        for _ in range(2):
            course = await play(Scenario("one", one_invocation), found, PACE)
            assert course["outcome"].body == b'"out"'
        assert len(server.sandboxes) == 2
    finally:
        if found is not None:
            found.close()
        await outer.close()


async def test_nobody_at_the_url_is_told(tmp_path: Path) -> None:
    """Before any scenario."""
    server = FoundServer("http://127.0.0.1:9", tmp_path / "task", 3.0)
    try:
        with pytest.raises(ServerUnusable, match=r"nobody takes connections at 127\.0\.0\.1:9"):
            await server.open("127.0.0.1", 0)
    finally:
        server.close()


async def test_a_runtime_that_is_gone_answers_nothing() -> None:
    """Its calls come back at once, with a fault."""

    async def leaves(stage: Stage) -> None:
        await stage.start()
        stage.invoke()
        runtime = await stage.runtime()
        await runtime.exit(0)
        stage.keep("poll", await runtime.next())

    course = await play(Scenario("leaves", leaves), Server(), PACE)
    assert course["poll"].fault == "the runtime is gone"


async def test_a_cut_answer_is_told() -> None:
    """It keeps its status and what came of its body, and says that it is not whole."""

    class Cuts(Sandbox):
        async def api(self, request: Request, writer: object) -> None:
            await request.read()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")  # type: ignore[attr-defined]
            raise ConnectionResetError

    class Serves(Server):
        def new_sandbox(self) -> Sandbox:
            self.sandboxes.append(Cuts(self))
            return self.sandboxes[-1]

    course = await play(Scenario("one", one_invocation), Serves(), PACE)
    event = course["event"]
    assert (event.status, event.body, event.fault) == (200, b"half", "cut off after 4 bytes of the body")


async def test_an_order_that_is_not_carried_out_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped does nothing; it is known not to have been done, and the scenario goes on."""
    monkeypatch.setattr(switchboard, "_ORDER_S", 0.1)

    async def stopped(stage: Stage) -> None:
        await stage.start()
        stage.invoke()
        runtime = await stage.runtime()
        await runtime.park()
        assert runtime.line is not None
        os.kill(runtime.line.pid, signal.SIGSTOP)
        assert not await runtime.drop_poll()
        await runtime.exit(3)
        assert runtime.is_there
        os.kill(runtime.line.pid, signal.SIGCONT)
        assert await runtime.line.gone(within_s=5)

    await play(Scenario("stopped", stopped), Server(), PACE)


def test_a_bootstrap_of_somebody_elses_is_not_overwritten(tmp_path: Path) -> None:
    """The folder may be that of a function; the suite's own one is written anew."""
    fill_folder(tmp_path, "127.0.0.1:1 secret")
    fill_folder(tmp_path, "127.0.0.1:2 secret")
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    with pytest.raises(ServerUnusable, match="bootstrap is not the suite's"):
        fill_folder(tmp_path)
    assert (tmp_path / "bootstrap").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("folder", ["with a space", "x" * 150])
def test_the_bootstrap_starts_whatever_the_interpreters_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """A first line has no place for a space, nor for a path without end."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / folder / "python"))
    bootstrap = fill_folder(tmp_path / "task") / "bootstrap"
    ended = subprocess.run([bootstrap], env={}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("bootstrap: the conformance suite is not there")


def test_the_folder_has_a_bootstrap_that_starts(tmp_path: Path) -> None:
    """It is executable, and names the interpreter that runs the suite."""
    bootstrap = fill_folder(tmp_path / "task", "127.0.0.1:1 secret") / "bootstrap"
    assert bootstrap.read_text().startswith(f"#!{sys.executable} -IS\n")
    assert bootstrap.stat().st_mode & 0o111
    assert (tmp_path / "task" / "suite.address").read_text() == "127.0.0.1:1 secret"

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.runtime_api.cli.conftest import PILOTLIGHT
from tests.runtime_api.waiting import lives_until

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_the_result_is_all_there_is_on_stdout(pilotlight_command: Command, hello: Path) -> None:
    """A result goes to stdout with exit code 0; function output, START, END and REPORT go to stderr, in order."""
    done = pilotlight_command("run", "app.handler", "-e", '{"name":"Ada"}', cwd=hello)
    assert (done.returncode, done.stdout) == (0, b'{"hello": "Ada"}\n')
    words = [line.split()[0] for line in done.stderr.decode().splitlines()]
    assert words == ["START", "called", "END", "REPORT"]


def test_a_handler_is_looked_up_from_here(pilotlight_command: Command, hello: Path) -> None:
    """A dotted handler reaches into folders below the present one."""
    done = pilotlight_command("run", "hello.app.handler", cwd=hello.parent)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"hello": "world"})


def test_without_a_handler_the_folder_decides(pilotlight_command: Command, hello: Path) -> None:
    """Nothing, or a folder, finds the handler by itself."""
    assert pilotlight_command("run", cwd=hello).returncode == 0
    assert pilotlight_command("run", str(hello)).returncode == 0


@pytest.mark.parametrize("event", ['{"raise": true}', '{"exit": 3}'])
def test_a_function_error_is_exit_code_1(pilotlight_command: Command, hello: Path, event: str) -> None:
    """What the caller of the function would get is on stdout, and the exit code is 1."""
    done = pilotlight_command("run", str(hello), "-e", event)
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] in ("ValueError", "Runtime.ExitError")


def test_a_handler_that_cannot_be_imported_is_a_function_error(pilotlight_command: Command, hello: Path) -> None:
    """An init error is the function's, not the platform's."""
    done = pilotlight_command("run", "nope.handler", cwd=hello)
    assert (done.returncode, json.loads(done.stdout)["errorType"]) == (1, "Runtime.ImportModuleError")


def test_events_come_from_files_and_stdin(pilotlight_command: Command, hello: Path) -> None:
    """@FILE and - are read whole."""
    (hello / "event.json").write_text('{"name":"file"}')
    from_file = pilotlight_command("run", "app.handler", "-e", "@event.json", cwd=hello)
    from_stdin = pilotlight_command("run", "app.handler", "-e", "-", cwd=hello, stdin=b'{"name":"stdin"}')
    assert (json.loads(from_file.stdout), json.loads(from_stdin.stdout)) == ({"hello": "file"}, {"hello": "stdin"})


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["run", "app.handler", "-e", "nope"], "-e"),
        (["run", "app.handler", "-e", "@missing.json"], "missing.json"),
        (["run", "app.handler", "--timeout", "0"], "--timeout"),
        (["run", "app.handler", "--memory", "64"], "--memory"),
        (["run", "app.handler", "--env", "nonsense"], "nonsense"),
        (["run", "app.handler", "--env", "AWS_REGION=x"], "AWS_REGION"),
        (["run", "app.handler", "--runtime", "ruby"], "ruby"),
        (["run", "app.handler", "--command", "x", "--runtime", "python"], "--command"),
        (["run", "app.handler", "--name", "no spaces"], "no spaces"),
        (["run", "app.handler", "--command", "'unclosed"], "quotation"),
        (["run", "app.handler", "--command", ""], "--command"),
        (["run", "app.py"], "app.handler"),
        (["run", "app"], "app.handler"),
        (["serve", "app.py"], "folder"),
        (["serve", "missing"], "missing"),
        (["serve", ".", "--port", "70000"], "--port"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_is_exit_code_2(pilotlight_command: Command, hello: Path, arguments: list[str], word: str) -> None:
    """The message names what was wrong, stdout stays empty, and there is no traceback."""
    done = pilotlight_command(*arguments, cwd=hello)
    assert (done.returncode, done.stdout) == (2, b"")
    assert word in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_platform_that_cannot_work_is_exit_code_3(pilotlight_command: Command, hello: Path) -> None:
    """An interpreter that is not there is not the function's fault."""
    done = pilotlight_command("run", "app.handler", "--python", "/no/such/python", cwd=hello)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"pilotlight: the interpreter '/no/such/python' cannot be used")
    assert b"Traceback" not in done.stderr
    assert pilotlight_command("serve", "--python", "/no/such/python", "--port", "0", cwd=hello).returncode == 3


def test_a_reader_that_leaves_is_no_error(hello: Path) -> None:
    """`pilotlight run | head -c 0`: no traceback, and the exit code is the function's."""
    process = subprocess.Popen(
        [PILOTLIGHT, "run", str(hello)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), "Traceback" in said, "BrokenPipe" in said) == (0, False, False)


def test_flags_reach_the_function(pilotlight_command: Command, tmp_path: Path) -> None:
    """Name, memory and variables are what the function sees."""
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(event, context):\n"
        "    names = ['COLOUR', 'SHAPE', 'AWS_REGION']\n"
        "    return [context.function_name, context.memory_limit_in_mb, *(os.environ[name] for name in names)]\n"
    )
    (tmp_path / "env").write_text("SHAPE=round\n")
    flags = ["--name", "n", "--memory", "512", "--env", "COLOUR=blue", "--env-file", "env", "--region", "eu-west-1"]
    done = pilotlight_command("run", "app.handler", *flags, cwd=tmp_path)
    assert json.loads(done.stdout) == ["n", "512", "blue", "round", "eu-west-1"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_and_everything_in_it(hello: Path, tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C or a lost terminal in the middle of an invocation: the exit code says so, the function is gone, no traceback."""
    pid_file = tmp_path / "pid"
    event = json.dumps({"pid_file": str(pid_file)})
    process = subprocess.Popen(
        [PILOTLIGHT, "run", str(hello), "-e", event, "--timeout", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    lives_until(process, pid_file.exists)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (code, b"")
    assert b"Traceback" not in stderr
    assert not psutil.pid_exists(int(pid_file.read_text()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_is_no_function_error(hello: Path) -> None:
    """A full disk is said in one line, and the exit code is 3."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PILOTLIGHT, "run", str(hello)], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 3
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("closed", "result"), [("<&-", b'{"hello": "world"}\n'), (">&-", b""), ("2>&-", b'{"hello": "world"}\n')]
)
def test_standard_streams_may_be_closed(hello: Path, closed: str, result: bytes) -> None:
    """Whichever is, the function runs and its exit code is right."""
    done = subprocess.run(["bash", "-c", f"{PILOTLIGHT} run {hello} {closed}"], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, b"Traceback" in done.stderr) == (0, result, False)


def test_ctrl_c_twice_leaves_nothing(tmp_path: Path) -> None:
    """A second signal does not stop the clean-up of the first: a child that left the group is gone too."""
    (tmp_path / "app.py").write_text(
        "import subprocess, sys, os, time\n"
        "def handler(event, context):\n"
        "    child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "    open('pid.part', 'w').write(str(child.pid))\n"
        "    os.rename('pid.part', 'pid')\n"
        "    time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [PILOTLIGHT, "run", "app.handler", "--timeout", "60"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    lives_until(process, (tmp_path / "pid").exists)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, b"Traceback" in stderr) == (130, False)
    assert not _running(int((tmp_path / "pid").read_text()))


def _running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_file_of_configuration_says_what_runs(pilotlight_command: Command, hello: Path) -> None:
    """The file may be named, or its folder; where it declares several functions, one is chosen."""
    file = hello / "pilotlight.toml"
    file.write_text("[functions.one]\n[functions.two]\nenvironment = { WHO = 'two' }\nhandler = 'app.handler'\n")
    done = pilotlight_command("run", str(file), "--name", "two")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"hello": "world"})
    refused = pilotlight_command("run", cwd=hello)
    assert refused.returncode == 2
    assert b"holds several functions (one, two): choose one with --name" in refused.stderr

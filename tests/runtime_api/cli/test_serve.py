from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import psutil
import pytest

from tests.runtime_api.cli.conftest import Served
from tests.runtime_api.sandbox.isolation.conftest import needs_bubblewrap
from tests.runtime_api.waiting import lives_until

Serve = Callable[..., Served]
HELD = """
import pathlib, time
def handler(event, context):
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.005)
    return "done"
"""
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def post(url: str, name: str, payload: bytes) -> bytes:
    """Invoke a served function."""
    request = urllib.request.Request(f"{url}/2015-03-31/functions/{name}/invocations", payload, method="POST")
    with urllib.request.urlopen(request, timeout=20) as response:
        body: bytes = response.read()
        return body


def test_a_folder_is_served_and_says_how_to_call_it(serve: Serve, hello: Path) -> None:
    """What is served, its URL's path, a boto3 line and a curl line are printed whole before `ready:`."""
    served = serve(str(hello))
    route = f"{served.url}/2015-03-31/functions/hello/invocations"
    assert any(line.split() == ["hello", "python", "app.handler", "/lambda-url/hello/"] for line in served.said)
    assert f"curl {route} -d '{{}}'" in served.said
    assert any(line.startswith("python -c") and served.url in line for line in served.said)
    assert served.said[-1] == f"ready: {served.url}"


def test_the_printed_lines_work_when_pasted(serve: Serve, hello: Path) -> None:
    """The boto3 line and the curl line each get the function's answer."""
    served = serve(str(hello))
    lines = [line for line in served.said if line.startswith(("curl ", "python -c"))]
    assert len(lines) == 2
    for line in lines:
        done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60)
        assert b'{"hello": "world"}' in done.stdout, done.stderr


def test_several_functions_share_one_port_and_label_their_logs(serve: Serve, tmp_path: Path) -> None:
    """Each is called by its folder's name, and each log line begins with it."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(
            f"def handler(event, context):\n    print('in {name}')\n    return '{name}'\n"
        )
    served = serve(str(tmp_path))
    assert [json.loads(post(served.url, name, b"{}")) for name in ("one", "two")] == ["one", "two"]
    _, log = served.end()
    assert "one | in one\n" in log
    assert "two | in two\n" in log


@pytest.mark.parametrize(
    ("numbers", "code"), [((signal.SIGINT,), 130), ((signal.SIGHUP,), 129), ((signal.SIGTERM, signal.SIGINT), 143)]
)
def test_a_signal_ends_it_at_once(
    serve: Serve, hello: Path, tmp_path: Path, numbers: tuple[int, ...], code: int
) -> None:
    """In the middle of an invocation: the exit code says which signal, no sandbox is left, no traceback, the port is free.

    SIGTERM alone would wait for the invocation; any signal after it does not.
    """
    served = serve(str(hello), "--timeout", "60")
    pid_file = tmp_path / "pid"
    event = json.dumps({"pid_file": str(pid_file)}).encode()
    answers: list[bytes] = []
    caller = Thread(target=lambda: answers.append(post(served.url, "hello", event)))
    caller.start()
    lives_until(served.process, pid_file.exists)
    for number in numbers[:-1]:
        served.process.send_signal(number)
        wait_for_line(served, "draining")
    returncode, said = served.end(numbers[-1])
    caller.join()
    assert returncode == code
    assert "Traceback" not in said
    assert not psutil.pid_exists(int(pid_file.read_text()))
    # The caller that was waiting is told, not cut off.
    assert json.loads(answers[0])["errorType"] == "Runtime.ExitError"
    with socket.create_server(("127.0.0.1", urlsplit(served.url).port or 0)):
        pass


def test_sigterm_lets_a_call_end(serve: Serve, hello: Path, tmp_path: Path) -> None:
    """The caller gets the function's answer, and the exit code still says which signal it was."""
    (hello / "app.py").write_text(HELD)
    served = serve(str(hello), "--timeout", "60")
    answers: list[bytes] = []
    caller = Thread(target=lambda: answers.append(post(served.url, "hello", b"{}")))
    caller.start()
    lives_until(served.process, (hello / "begun").exists)
    served.process.send_signal(signal.SIGTERM)
    wait_for_line(served, "draining")
    (hello / "go").touch()
    caller.join()
    _, said = served.process.communicate(timeout=20)
    assert (answers, served.process.returncode) == ([b'"done"'], 143)
    assert "Traceback" not in said


def wait_for_line(served: Served, beginning: str) -> None:
    """Read what it prints up to a line that begins so."""
    assert served.process.stderr is not None
    assert any(line.startswith(beginning) for line in served.process.stderr)


def test_a_taken_port_is_a_clear_error(pilotlight_command: Command, hello: Path) -> None:
    """The message names the address and the way out; the exit code is 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = pilotlight_command("serve", str(hello), "--port", port)
    assert done.returncode == 3
    assert port.encode() in done.stderr
    assert b"--port" in done.stderr
    assert b"Traceback" not in done.stderr


def test_nothing_to_serve_says_what_was_looked_for(pilotlight_command: Command, tmp_path: Path) -> None:
    """An empty folder is wrong usage, and the message lists what would have been found."""
    done = pilotlight_command("serve", str(tmp_path))
    assert done.returncode == 2
    for word in (b"bootstrap", b"app.py", b"lambda_function.py", b"lambda_handler", b"--handler"):
        assert word in done.stderr


@pytest.mark.parametrize("isolation", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_nothing_outlives_a_kill(serve: Serve, hello: Path, tmp_path: Path, isolation: str) -> None:
    """SIGKILL in the middle of an invocation: no process, no temporary folder and no cgroup is left of the server's."""
    served = serve(str(hello), "--timeout", "60", "--isolation", isolation)
    event = json.dumps({"sleep": 60}).encode()
    caller = Thread(target=lambda: suppressed(post, served.url, "hello", event))
    caller.start()
    server = psutil.Process(served.process.pid)
    lives_until(
        served.process,
        lambda: any("__main__.py" in " ".join(words_of(one)) for one in server.children(recursive=True)),
    )
    family = server.children(recursive=True)
    [keeper] = [words for one in family if "keeper_process.py" in " ".join(words := words_of(one))]
    folder, prefix, *parents = keeper[6:]
    served.end(signal.SIGKILL)
    caller.join()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert not Path(folder).exists()
    assert [name for parent in parents for name in os.listdir(parent) if name.startswith(prefix)] == []


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; nothing when it is gone meanwhile."""
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


def suppressed(call: Callable[..., object], *arguments: object) -> None:
    """A call whose server may go away."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        call(*arguments)

"""Every command of the README is run here, as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}


def block(word: str) -> str:
    """The one block of the README that contains a word."""
    found: str
    [found] = [text for _, text in BLOCKS if word in text]
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a checkout whose environment is made; what the README puts in /tmp goes there too."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def started(command: list[str], cwd: Path) -> tuple[subprocess.Popen[str], str]:
    """A server that is ready, and its endpoint."""
    process = subprocess.Popen(
        command, cwd=cwd, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("ready: "):
            return process, line.removeprefix("ready: ").strip()
    raise AssertionError(f"{command} ended with {process.wait()}")


def invoked_hello(url: str) -> subprocess.CompletedProcess[str]:
    """The example called at an endpoint."""
    command = ["pilotlight", "invoke", "hello", "--endpoint", url]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


def stopped(process: subprocess.Popen[str]) -> int:
    """Ctrl-C, as a terminal sends it to all of a command."""
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    return process.returncode


@pytest.fixture
def served_hello(checkout: Path) -> Iterator[str]:
    """The endpoint of the README's `pilotlight serve`, on a free port."""
    command = block("pilotlight serve examples/hello\n").split()
    process, url = started([*command, "--port", "0"], checkout)
    yield url
    assert stopped(process) == 130


def test_the_first_function_works_as_printed(checkout: Path, tmp_path: Path) -> None:
    """The block that makes a first function prints its result, and the log lines the README shows."""
    # In a folder that goes with the test.
    made_here = block("mkdir -p /tmp/first").replace("/tmp/first", str(tmp_path / "first"))
    done = subprocess.run(
        ["bash", "-euc", made_here],
        cwd=checkout,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, '{"hello": "Ada"}'), done.stderr
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["START", "called", "END", "REPORT"]


@pytest.mark.parametrize("command", block("aws lambda invoke").splitlines()[1:])
def test_every_way_to_call_works(served_hello: str, checkout: Path, command: str) -> None:
    """pilotlight invoke, the AWS CLI and curl each get an answer from the example."""
    line = block("aws lambda invoke").splitlines()[0] + "\n" + command.replace("http://127.0.0.1:9000", served_hello)
    if command.startswith("pilotlight"):
        line += f" --endpoint {served_hello}"
    done = subprocess.run(
        ["bash", "-euc", line], cwd=checkout, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Hello" in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the example is written in it")
def test_a_url_answers_and_an_event_is_taken(served_hello: str, checkout: Path) -> None:
    """The function's URL answers, an event is accepted by its request id, and the list of events can be read."""
    lines = block("pilotlight events list").replace("http://127.0.0.1:9000", served_hello)
    done = subprocess.run(
        ["bash", "-euc", lines.replace("--async", f"--async --endpoint {served_hello}")],
        cwd=checkout,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Hello" in done.stdout
    assert re.search(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", done.stdout)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the example is written in it")
def test_the_extension_hears_of_the_call(checkout: Path) -> None:
    """The line with a layer prints the function's answer, and what its extension heard."""
    done = subprocess.run(
        ["bash", "-euc", block("--layer")], cwd=checkout, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, "Hello" in done.stdout) == (0, True), done.stderr
    assert 'journal: {"eventType":"SHUTDOWN"' in done.stderr


def test_what_is_shipped_is_made_and_a_runtime_judged(checkout: Path) -> None:
    """A new project, a layer and a verdict come of the three lines."""
    done = subprocess.run(
        ["bash", "-euc", block("pilotlight init")],
        cwd=checkout,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, "CONFORMANT" in done.stdout) == (0, True), done.stdout + done.stderr
    assert {"orders", "pilotlight-layer.zip"} <= set(os.listdir(checkout))


def test_another_runtime_is_served(checkout: Path) -> None:
    """The line with --command starts, and AWS's own runtime answers."""
    line = block("python -m awslambdaric").strip()
    process, url = started(["bash", "-c", f"exec {line} --port 0"], checkout)
    done = invoked_hello(url)
    assert (done.returncode, "Hello" in done.stdout) == (0, True), done.stderr
    assert stopped(process) == 130


def test_the_test_of_the_readme_passes(checkout: Path) -> None:
    """The Python block is a test file that pytest runs with the fixture the package brings."""
    (checkout / "test_hello.py").write_text(block("def test_hello"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_hello.py"],
        cwd=checkout,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_make_serve_serves_every_example() -> None:
    """`make serve` prints a line for each example, and ends on Ctrl-C without an error, and with nothing left behind."""
    assert {"make serve", "make test"} <= set(re.findall(r"make \w+", block("make serve")))
    process, url = started(["make", "serve", "PORT=0"], ROOT)
    done = invoked_hello(url)
    assert done.returncode == 0, done.stderr
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert "Error" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)

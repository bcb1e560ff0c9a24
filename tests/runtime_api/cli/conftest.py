from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PILOTLIGHT = str(Path(sys.executable).parent / "pilotlight")


class Served:
    """A `pilotlight serve` that is ready: where it listens, and what it printed until then."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stderr is not None
        for line in process.stderr:
            self.said.append(line.rstrip("\n"))
            found = re.fullmatch(r"ready: (http://\S+)\n", line)
            if found:
                self.url = found[1]
                return
        raise AssertionError(f"not served: exit {process.wait()}, {self.said}")

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; the exit code, and what was printed on standard error since it was ready."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=20)
        return self.process.returncode, rest


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start `pilotlight serve … --port 0` and wait until it is ready; it is gone after the test."""
    running: list[Served] = []

    def start(*arguments: str, cwd: Path | None = None) -> Served:
        # Whoever runs the tests may have events of their own where they are.
        command = [PILOTLIGHT, "serve", "--data-dir", str(tmp_path / "data"), *arguments, "--port", "0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=cwd)
        running.append(Served(process))
        return running[-1]

    yield start
    for served in running:
        if served.process.poll() is None:
            served.end()
        assert served.process.stderr is not None
        served.process.stderr.close()


@pytest.fixture
def pilotlight_command() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the command `pilotlight` to its end."""

    def call(*arguments: str, cwd: Path | None = None, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PILOTLIGHT, *arguments], capture_output=True, cwd=cwd, input=stdin, timeout=60, env=os.environ
        )

    return call


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A folder with a function that greets, raises, exits or sleeps, as the event says."""
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "app.py").write_text(
        """
import os, time

def handler(event, context):
    print("called", event)
    if event.get("raise"):
        raise ValueError("asked to")
    if event.get("exit"):
        os._exit(event["exit"])
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("pid_file"):
        with open(event["pid_file"] + ".part", "w") as file:
            file.write(str(os.getpid()))
        os.rename(event["pid_file"] + ".part", event["pid_file"])
        time.sleep(600)
    return {"hello": event.get("name", "world")}
"""
    )
    return folder

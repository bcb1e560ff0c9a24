"""A function in a folder and the process that runs it."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .fake_runtime_api import FakeRuntimeAPI, Request

BOOTSTRAP = Path(__file__).parents[2] / "bootstrap" / "__main__.py"
PATIENCE_S = 20
ECHO = "def handler(event, context):\n    return event\n"
HAS_NAMESPACES = (
    os.geteuid() == 0
    and shutil.which("unshare") is not None
    and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
)


@dataclass
class Outcome:
    """What a run left behind."""

    status: int
    stdout: str
    stderr: str
    posts: list[Request]

    @property
    def post(self) -> Request:
        """The only request that was posted."""
        assert len(self.posts) == 1, self
        return self.posts[0]


class Function:
    """Source files and environment of a function; `run` starts it and waits until it is idle or gone."""

    def __init__(self, api: FakeRuntimeAPI, root: Path) -> None:
        self.api = api
        self.root = root / "task"
        self.root.mkdir(parents=True)
        self.python = sys.executable
        self.command: list[str] = [str(BOOTSTRAP)]
        self.cwd = self.root
        self.environ = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "LAMBDA_TASK_ROOT": str(self.root),
            "_HANDLER": "app.handler",
        }
        self.stdout_file = root / "stdout"
        self.stderr_file = root / "stderr"
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, source: str, name: str = "app.py") -> None:
        """Put a source file into the task root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def handler(self, body: str) -> None:
        """Make `app.handler` a function with these statements."""
        self.write("def handler(event, context):\n" + textwrap.indent(textwrap.dedent(body), "    "))

    def mount(self, arguments: str) -> None:
        """Start below a mount of its own, which nobody else sees; for tests that HAS_NAMESPACES allows."""
        self.command = ["-m", "sh", "-c", f'mount {arguments} && exec "$0" "$@"', self.python, *self.command]
        self.python = "unshare"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the bootstrap."""
        command = [self.python, *self.command]
        with self.stdout_file.open("wb") as stdout, self.stderr_file.open("wb") as stderr:
            self.process = subprocess.Popen(command, env=self.environ, cwd=self.cwd, stdout=stdout, stderr=stderr)
        threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()
        return self.process

    def run(self) -> Outcome:
        """Start, wait until the script is over or the process gone, and end the process with SIGTERM."""
        process = self.start()
        self.settle()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        return self.outcome()

    def settle(self) -> None:
        """Wait until the process waits for an event that will not come, or is gone."""
        assert self.api.settled.wait(PATIENCE_S), f"still busy: {self.stderr()}"
        deadline_s = time.monotonic() + PATIENCE_S
        while not self._is_asleep():  # its request may be out before it waits for the reply
            assert time.monotonic() < deadline_s, f"it does not wait: {self.stderr()}"

    def outcome(self) -> Outcome:
        """Wait for the end of the process."""
        assert self.process is not None
        status = self.process.wait(PATIENCE_S)
        return Outcome(status, self.stdout(), self.stderr(), self.api.posts)

    def stdout(self) -> str:
        """What the process has written to its standard output so far; line ends are left as they are."""
        return self.stdout_file.read_bytes().decode()

    def stderr(self) -> str:
        """What the process has written to its standard error so far."""
        return self.stderr_file.read_bytes().decode()

    def kill(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)

    def _is_asleep(self) -> bool:
        """As far as that can be seen: on Linux, and as long as it lives."""
        assert self.process is not None
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] in "SZ"

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self.api.settled.set()

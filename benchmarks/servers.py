"""The two servers as processes, started as their users start them: `pilotlight serve`, and AWS's emulator.

Each is a context manager that gives a `Server` once it accepts calls, and leaves nothing running. What a server prints goes to a
file: a pipe would need a reader, whose work would be measured with the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from runtime_api.conformance.server_stage.ports import free_ports

REPOSITORY = Path(__file__).resolve().parent.parent
AWSLAMBDARIC = (sys.executable, "-m", "awslambdaric", "app.handler")
BOOTSTRAP = (sys.executable, str(REPOSITORY / "bootstrap" / "__main__.py"))
START_LIMIT_S = 30
STOP_LIMIT_S = 10


class ServerFailed(Exception):
    """A server did not start; the message holds what it printed."""


class Server:
    """A running server. `function` is the name under which its function is called."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path, function: str = "function") -> None:
        self.port = port
        self.function = function
        self.url = f"http://127.0.0.1:{port}"
        self._process = psutil.Process(process.pid)
        self._log = log

    @property
    def path(self) -> str:
        """The path of an Invoke call of its function."""
        return f"/2015-03-31/functions/{self.function}/invocations"

    def client(self) -> Any:  # noqa: ANN401  (boto3 makes the class)
        """boto3's client of it, which tries nothing twice."""
        # Only those who call this way need boto3, which takes long to load.
        import boto3
        from botocore.config import Config

        return boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 0}),
        )

    def log(self) -> str:
        """What the server and its function have printed so far."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        self._process.kill()

    def resident_bytes(self) -> int:
        """The server's own memory, without that of its sandboxes."""
        return int(self._process.memory_info().rss)

    def cpu_seconds(self) -> float:
        """Processor time the server itself has used, without its sandboxes."""
        times = self._process.cpu_times()
        return float(times.user + times.system)


@contextlib.contextmanager
def pilotlight(path: Path, *options: str, function: str = "function") -> Iterator[Server]:
    """`pilotlight serve PATH --port 0 OPTIONS`; `function` is the name its calls go to. Raises ServerFailed."""
    command = [str(Path(sys.executable).with_name("pilotlight")), "serve", str(path), "--port", "0", *options]
    with _started(command, path, os.environ) as (process, log):
        _wait(process, log, lambda: "ready: " in log.read_text())
        port = int(log.read_text().partition("ready: ")[2].split()[0].rpartition(":")[2])
        yield Server(port, process, log, function)


@contextlib.contextmanager
def emulator(program: Path, task_root: Path, command: Sequence[str], handler: str = "app.handler") -> Iterator[Server]:
    """AWS's emulator around one runtime. Raises ServerFailed."""
    port, runtime_api_port = free_ports(2)
    addresses = [
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_api_port}"),
    ]
    environment = {**os.environ, "_HANDLER": handler, "LAMBDA_TASK_ROOT": str(task_root)}
    with _started([str(program), *addresses, *command], task_root, environment) as (process, log):
        _wait(process, log, lambda: _accepts(port))
        yield Server(port, process, log)


NATS_CONFIGURATION = """
listen: 127.0.0.1:4222
max_payload: 8MB
jetstream { store_dir: nats-data }
"""


@contextlib.contextmanager
def nats(folder: Path, port: int = -1, configuration: str = NATS_CONFIGURATION) -> Iterator[str]:
    """`nats-server` with JetStream in a folder; gives its URL. Port -1 is a free one. Raises ServerFailed."""
    path = folder / "nats.conf"
    path.write_text(configuration.replace("127.0.0.1:4222", f'"127.0.0.1:{port}"'))
    with _started(["nats-server", "-c", str(path)], folder, os.environ) as (process, log):
        _wait(process, log, lambda: "Server is ready" in log.read_text())
        yield f"nats://{log.read_text().partition('client connections on ')[2].split()[0]}"


@contextlib.contextmanager
def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    with tempfile.TemporaryDirectory(prefix="pilotlight-server-") as kept:
        log = Path(kept) / "log"
        with log.open("wb") as output:
            # In a session of its own: the emulator leaves its runtime behind, and one kill must reach both.
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process, log
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(f"{process.args!r} did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.01)


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False

"""The two runtimes as processes: the same interpreter, environment and function; only the program differs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.bootstrap.runtime_api import Line, QuickRuntimeAPI
from benchmarks.servers import REPOSITORY

TASK_ROOT = Path(__file__).resolve().parent / "function"
THREAD_POLLING = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}


class Program:
    """What a runtime is started with."""

    def __init__(self, name: str, python: Path, arguments: list[str]) -> None:
        self.name = name
        self._command = [str(python), *arguments]

    def start(self, address: str, handler: str, environ: dict[str, str], output: int) -> subprocess.Popen[bytes]:
        """Start it in the folder of the function."""
        clean = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": address,
            "LAMBDA_TASK_ROOT": str(TASK_ROOT),
            "_HANDLER": handler,
        }
        command = [*self._command, handler]
        return subprocess.Popen(
            command, cwd=TASK_ROOT, env=clean | environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def programs(python: Path) -> tuple[Program, Program]:
    """Ours and awslambdaric, which that interpreter has."""
    ours = Program("bootstrap", python, [str(REPOSITORY / "bootstrap" / "__main__.py")])
    return ours, Program("awslambdaric", python, ["-m", "awslambdaric"])


class Runtime:
    """A runtime that waits for events on `line`."""

    def __init__(self, process: subprocess.Popen[bytes], api: QuickRuntimeAPI, line: Line) -> None:
        self.api = api
        self.line = line
        self._process = psutil.Process(process.pid)

    def next_line(self) -> None:
        """Go on with the next connection of the runtime."""
        self.line.close()
        self.line = self.api.accept()

    def keep_on(self, processor: int) -> None:
        """Run the process on this processor only."""
        self._process.cpu_affinity([processor])

    def family(self) -> list[psutil.Process]:
        """The process and those it started."""
        return [self._process, *self._process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor time of the process."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        """Memory of the process."""
        return int(self._process.memory_info().rss)

    def peak_bytes(self) -> int:
        """The most memory the process ever had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def descriptors(self) -> int:
        """How many files and sockets are open."""
        return int(self._process.num_fds())

    def threads(self) -> int:
        """How many threads there are."""
        return int(self._process.num_threads())


@contextlib.contextmanager
def running(program: Program, handler: str = "app.handler", environ: dict[str, str] | None = None) -> Iterator[Runtime]:
    """A runtime with one connection, and nothing of it left afterwards."""
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(contextlib.closing(QuickRuntimeAPI()))
        output = stack.enter_context(tempfile.TemporaryFile())
        process = program.start(api.address, handler, environ or {}, output.fileno())
        stack.callback(end, process)
        try:
            runtime = Runtime(process, api, api.accept())
            stack.callback(lambda: runtime.line.close())  # the one it has then
            yield runtime
        except Exception:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace"))
            raise


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a runtime and what it started."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.wait()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()

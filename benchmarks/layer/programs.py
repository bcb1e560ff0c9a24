"""What is started: a runtime in a task root of its own, with variables of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.bootstrap.runtimes import Program


class Placed(Program):
    """A program that runs a function of that folder."""

    def __init__(self, name: str, command: list[str], task_root: Path, environ: dict[str, str] | None = None) -> None:
        super().__init__(name, Path(command[0]), command[1:])
        self._argv, self._task_root, self._environ = command, task_root, environ or {}

    def start(self, address: str, handler: str, environ: dict[str, str], output: int) -> subprocess.Popen[bytes]:
        """Start it in the folder of the function."""
        clean = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": address,
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "_HANDLER": handler,
        }
        return subprocess.Popen(
            [*self._argv, handler],
            cwd=self._task_root,
            env=clean | self._environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

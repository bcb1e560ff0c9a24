"""What holds for every command."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.runtime_api.cli.conftest import PILOTLIGHT
from tests.runtime_api.waiting import lives_until

INSTALLER = """#!/bin/sh
mktemp -d > /dev/null
echo $$ > "$TOLD.new"
mv "$TOLD.new" "$TOLD"
exec sleep 600
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_build_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """No folder of its own or of the installer's, no half-written zip, no installer; the exit code says which signal it was."""
    for name in ("function", "tmp", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "function" / "app.py").touch()
    (tmp_path / "function" / "requirements.txt").write_text("bird\n")
    (tmp_path / "bin" / "uv").write_text(INSTALLER)
    (tmp_path / "bin" / "uv").chmod(0o755)
    told = tmp_path / "pid"
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "TMPDIR": str(tmp_path / "tmp"),
        "TOLD": str(told),
    }
    command = [PILOTLIGHT, "package", str(tmp_path / "function"), "--output", str(tmp_path / "function.zip")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lives_until(process, told.exists)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, b"Traceback" in said) == (128 + number, False)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not [path for path in tmp_path.iterdir() if "zip" in path.name]
    assert not psutil.pid_exists(int(told.read_text()))

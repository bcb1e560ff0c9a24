from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

from tests.runtime_api.cli.conftest import PILOTLIGHT


def test_a_reader_that_stays_away_stops_nobody(tmp_path: Path) -> None:
    """Standard error is a pipe that is full: calls are answered, and SIGTERM still ends it."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    print('x' * 1_000_000)\n    return event\n")
    process = subprocess.Popen(
        [PILOTLIGHT, "serve", "--port", "0", "--name", "f"], cwd=tmp_path, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stderr is not None
    said = b""
    while b"ready: " not in said or not said.endswith(b"\n"):
        said += process.stderr.read(1)
    url = said.rpartition(b"ready: ")[2].decode().strip()
    for _ in range(3):
        call = urllib.request.Request(f"{url}/2015-03-31/functions/f/invocations", b"7")
        with urllib.request.urlopen(call, timeout=20) as response:
            assert response.read() == b"7"
    process.terminate()
    assert process.wait(timeout=20) == 143
    process.stderr.close()

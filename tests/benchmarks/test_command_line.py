"""The command line of the benchmarks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_unknown_name_is_refused() -> None:
    """A benchmark that was misspelt must not look like one that passed."""
    command = [sys.executable, "-m", "benchmarks", "latencyy"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "no benchmark is called latencyy" in done.stderr) == (2, True)

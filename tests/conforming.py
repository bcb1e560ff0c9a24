"""The conformance suite against our bootstrap wherever it is put: it has to do there what it does here."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.conformance.publish import PUBLISHED


def start_script(path: Path, words: Iterable[str]) -> Path:
    """A script that becomes this command line; words that begin with `$` are variables of its environment."""
    line = " ".join(f'"{word}"' if word.startswith("$") else shlex.quote(word) for word in words)
    path.write_text(f"#!/bin/sh\nexec {line}\n")
    path.chmod(0o755)
    return path


def conformance(start: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What the whole suite says of it, in every feature our bootstrap claims, and as strict as it can be."""
    suite = [sys.executable, "-c", "from runtime_api.cli.entry import main; main()", "conform", "runtime", "--strict"]
    config = PUBLISHED / "runtime" / "pilotlight" / "conform.toml"
    command = [*suite, "--config", str(config), *options, "--", str(start)]
    return subprocess.run(command, capture_output=True, text=True, check=False)

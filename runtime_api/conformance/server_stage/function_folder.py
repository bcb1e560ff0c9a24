"""The folder of the function that the server under test is to serve: a bootstrap, and where it finds the suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runtime_api.conformance.server_stage.agent import ADDRESS_FILE

_SOURCE = Path(__file__).with_name("agent.py")


def fill_folder(folder: Path, address: str = "") -> Path:
    """Write it; without an address the bootstrap has to be told one by its environment. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    bootstrap = folder / "bootstrap"
    _replace(bootstrap, f"#!{sys.executable} -IS\n{_SOURCE.read_text(encoding='utf-8')}", 0o755)
    if address:
        _replace(folder / ADDRESS_FILE, address, 0o644)
    return folder


def _replace(path: Path, text: str, mode: int) -> None:
    # A bootstrap may be starting just now: it gets the old one or the new one, never half.
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(mode)
    os.replace(new, path)

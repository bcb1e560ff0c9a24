"""The extension in shell, beside its function."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime_api.sandbox.isolation.conftest import needs_bubblewrap

FOLDER = Path(__file__).parents[2] / "examples" / "extension"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the example is written in it")


@pytest.mark.parametrize("isolation", ["process", pytest.param("bubblewrap", marks=needs_bubblewrap)])
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_it_hears_of_the_call_and_of_the_end(tmp_path: Path, isolation: str, zipped: bool) -> None:
    """Its lines are in the log, whether the layer is a folder or a zip."""
    layer = FOLDER / "layer"
    if zipped:
        layer = Path(shutil.make_archive(str(tmp_path / "layer"), "zip", layer))
    command = [PILOTLIGHT, "run", str(FOLDER), "--layer", str(layer), "--isolation", isolation]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == {"message": "Hello, world!"}, done.stderr
    assert "EXTENSION\tName: journal\tState: Ready\tEvents: [INVOKE,SHUTDOWN]" in done.stderr
    heard = [json.loads(line[9:]) for line in done.stderr.splitlines() if line.startswith("journal: ")]
    assert [event["eventType"] for event in heard] == ["INVOKE", "SHUTDOWN"]

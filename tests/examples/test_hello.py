"""The smallest example, run as its docstring says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))


@pytest.mark.parametrize(("event", "greeting"), [('{"name": "Ada"}', "Hello, Ada!"), ("{}", "Hello, world!")])
def test_greets(event: str, greeting: str) -> None:
    """It greets whom the event names, or the world, and prints one line into its log."""
    done = subprocess.run(
        [PILOTLIGHT, "run", "app.handler", "-e", event],
        cwd=EXAMPLES / "hello",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"message": greeting}
    assert done.stderr.count("greeting ") == 1

"""The streaming example, run as its docstring says."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "stream"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))


def test_lines_of_csv() -> None:
    """A head and a line for each number."""
    command = [PILOTLIGHT, "run", "app.handler", "-e", '{"to": 3}']
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["number,square", "1,1", "2,4", "3,9"]

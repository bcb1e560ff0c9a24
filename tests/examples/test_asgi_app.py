"""The web app among the examples, run by `pilotlight run`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "asgi-app"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))
EVENT: dict[str, Any] = json.loads((FOLDER / "event.json").read_text())


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/greet/Grace%20H", 200, '{"message":"Hallo, Grace H!"}'), ("/nowhere", 404, "Not Found")],
)
def test_answers(path: str, status: int, body: str) -> None:
    """A greeting in the language of the query, and 404 for the rest."""
    command = [PILOTLIGHT, "run", str(FOLDER), "--timeout", "20", "-e", json.dumps(EVENT | {"rawPath": path})]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert (answer["statusCode"], answer["body"]) == (status, body)
    assert ("greeted Grace H" in done.stderr) is (status == 200)

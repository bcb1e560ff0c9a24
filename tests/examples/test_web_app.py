"""The web app among the examples, run by `pilotlight run` and behind URLs."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args
from urllib.request import urlopen

import pytest

from runtime_api import Function, Platform, UrlConfig
from runtime_api.protocol.function.url_config import UrlFormat

FOLDER = Path(__file__).parents[2] / "examples" / "web-app"
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


async def test_answers_through_every_front() -> None:
    """Whatever shape the event has, the caller of a URL sees the same answer."""
    functions = [
        Function(name=name, task_root=str(FOLDER), handler="app.handler", timeout_ms=20_000, url=UrlConfig(format=name))
        for name in get_args(UrlFormat)
    ]
    async with Platform(functions) as platform:

        def greet(name: str) -> str:
            with urlopen(
                f"{platform.endpoint_url}/lambda-url/{name}/greet/Grace%20H?language=de", timeout=60
            ) as answer:
                body: str = answer.read().decode()
                return f"{answer.headers['Content-Type']} {body}"

        answers = await asyncio.gather(*(asyncio.to_thread(greet, function.name) for function in functions))
    assert answers == ['application/json {"message":"Hallo, Grace H!"}'] * len(functions)

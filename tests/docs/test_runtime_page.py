"""Every example of the page about the Python runtime is run as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runtime.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
URL_EVENT = {
    "version": "2.0",
    "rawPath": "/hello",
    "rawQueryString": "",
    "headers": {"host": "x"},
    "requestContext": {"http": {"method": "GET", "path": "/hello", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}},
    "isBase64Encoded": False,
}
ORDER = {"id": 1, "placed": "2026-11-21T13:30:00", "tags": ["a"]}
# What in an example tells it from the others, the event it is called with, and what its answer contains.
CALLS: list[tuple[str, object, str]] = [
    ("asyncio.Lock", {}, '"loop": '),
    ("bootstrap.stream(", {}, "line 0\nline 1\nline 2\n"),
    ("http_stream", {}, "data: 1\n\n"),
    ("fastapi", URL_EVENT, '"statusCode": 200'),
    ("flask", URL_EVENT, '"statusCode": 200'),
    ("dataclass", ORDER, '"placed": "2026-11-21T13:30:00"'),
    ("on_shutdown", {}, '["database"]'),
]


def run(source: str, event: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line's answer to one event."""
    (folder / "app.py").write_text(source)
    command = [str(Path(sys.executable).with_name("pilotlight")), "run", "app.handler", "-e", json.dumps(event)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("word", "event", "answer"), CALLS, ids=[word for word, _, _ in CALLS])
def test_an_example_answers(word: str, event: object, answer: str, tmp_path: Path) -> None:
    """Run with the event it is made for, it prints what the page promises."""
    [source] = [example for example in EXAMPLES if word in example]
    done = run(source, event, tmp_path)
    assert (done.returncode, answer in done.stdout) == (0, True), (done.stdout, done.stderr)


def test_every_example_is_called() -> None:
    """No example of the page is left out here."""
    assert len(EXAMPLES) == len(CALLS)


def test_a_misfit_names_the_field(tmp_path: Path) -> None:
    """The page's promise for events that do not fit."""
    [source] = [example for example in EXAMPLES if "dataclass" in example]
    done = run(source, ORDER | {"tags": [1]}, tmp_path)
    assert (done.returncode, "$.tags[0]" in done.stdout) == (1, True), done.stdout

"""The function, called as its callers call it: over HTTP, in a sandbox."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from runtime_api import Function


def test_it_says_hello(pilotlight: Callable[..., str]) -> None:
    """By name."""
    folder = str(Path(__file__).parents[1] / "src")
    url = pilotlight(Function(name="{{ name }}", task_root=folder, handler="app.handler"))
    with urlopen(f"{url}/2015-03-31/functions/{{ name }}/invocations", data=b'{"name": "Ada"}') as answer:
        assert json.load(answer) == {"message": "Hello, Ada!"}

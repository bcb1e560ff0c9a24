"""The function, called as its callers call it: over HTTP, in a sandbox."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from runtime_api import Function


def test_it_greets_everybody(pilotlight: Callable[..., str]) -> None:
    """In the order of the names."""
    folder = str(Path(__file__).parents[1] / "src")
    url = pilotlight(Function(name="{{ name }}", task_root=folder, handler="app.handler"))
    with urlopen(f"{url}/2015-03-31/functions/{{ name }}/invocations", data=b'{"names": ["Ada", "Bob"]}') as answer:
        assert json.load(answer) == {"messages": ["Hello, Ada!", "Hello, Bob!"]}

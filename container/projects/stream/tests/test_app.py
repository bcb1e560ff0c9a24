"""The function, called as its callers call it: over HTTP, in a sandbox."""

from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from runtime_api import Function


def test_it_counts(pilotlight: Callable[..., str]) -> None:
    """As far as it is told to."""
    folder = str(Path(__file__).parents[1] / "src")
    url = pilotlight(Function(name="{{ name }}", task_root=folder, handler="app.handler"))
    with urlopen(f"{url}/2015-03-31/functions/{{ name }}/invocations", data=b'{"to": 2}') as answer:
        assert answer.read().decode().splitlines() == ["line 1", "line 2"]

"""A function in three versions, and the alias that shares its calls between two of them."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

from benchmarks.servers import REPOSITORY, pilotlight

LATEST, ONE, TWO = "Hi, Ada (version $LATEST)", "Good day (version 1)", "Hi, Ada (version 2)"


def test_each_version_answers_for_itself() -> None:
    """And the alias with one of its two."""
    with pilotlight(REPOSITORY / "examples" / "versions") as server:
        answers = {name: call(server.url, name) for name in ("greeting", "greeting:1", "greeting:2", "greeting:live")}
    by_alias = answers.pop("greeting:live")
    assert answers == {"greeting": LATEST, "greeting:1": ONE, "greeting:2": TWO}
    assert by_alias in (ONE, TWO)


def call(url: str, name: str) -> object:
    """What a version or an alias answers."""
    request = Request(f"{url}/2015-03-31/functions/{name}/invocations", b'{"name": "Ada"}')
    with urlopen(request, timeout=30) as response:
        return json.load(response)

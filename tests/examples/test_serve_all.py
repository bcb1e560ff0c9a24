"""What `make serve` does: every example behind one port, each found by itself."""

import json
import os
from urllib.request import Request, urlopen

import pytest

from benchmarks.servers import REPOSITORY, pilotlight


@pytest.mark.parametrize(
    ("function", "event", "answer"),
    [
        ("hello", {"name": "Ada"}, {"message": "Hello, Ada!"}),
        ("provided-shell", {"a": [1]}, {"shell": os.uname().sysname, "event": {"a": [1]}}),
        ("thumbnail", {"Records": []}, {"thumbnails": []}),
    ],
)
def test_every_example_is_served(function: str, event: object, answer: object) -> None:
    """A folder of examples is served without a word of configuration."""
    # boto3 alone takes a second to import on a busy machine
    with pilotlight(REPOSITORY / "examples", "--timeout", "20") as server:
        url = f"{server.url}/2015-03-31/functions/{function}/invocations"
        with urlopen(Request(url, json.dumps(event).encode()), timeout=60) as response:
            assert json.load(response) == answer

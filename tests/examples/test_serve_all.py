"""What `make serve` does: every example behind one port, each found by itself."""

import json
import os
from urllib.request import Request, urlopen

import pytest

from benchmarks.servers import REPOSITORY, pilotlight

WEB_EVENT = json.loads((REPOSITORY / "examples" / "web-app" / "event.json").read_text())
WEB_ANSWER = {
    "statusCode": 200,
    "body": '{"message":"Hallo, Ada!"}',
    "isBase64Encoded": False,
    "headers": {"content-length": "25", "content-type": "application/json"},
}


@pytest.mark.parametrize(
    ("function", "event", "answer"),
    [
        ("hello", {"name": "Ada"}, {"message": "Hello, Ada!"}),
        ("provided-shell", {"a": [1]}, {"shell": os.uname().sysname, "event": {"a": [1]}}),
        ("thumbnail", {"Records": []}, {"thumbnails": []}),
        ("web-app", WEB_EVENT, WEB_ANSWER),
        ("greeting:1", {}, "Good day (version 1)"),
        ("orders", {"item": "tea"}, {"accepted": "tea", "table": "Table", "stage": "dev", "version": "$LATEST"}),
    ],
)
def test_every_example_is_served(function: str, event: object, answer: object) -> None:
    """A folder of examples is served without a word of configuration."""
    # boto3 alone takes a second to import on a busy machine
    with pilotlight(REPOSITORY / "examples", "--timeout", "20") as server:
        url = f"{server.url}/2015-03-31/functions/{function}/invocations"
        with urlopen(Request(url, json.dumps(event).encode()), timeout=60) as response:
            assert json.load(response) == answer


def test_a_stream_is_served_as_a_whole_to_a_plain_call() -> None:
    """Invoke waits for the end of the stream."""
    with pilotlight(REPOSITORY / "examples") as server:
        url = f"{server.url}/2015-03-31/functions/stream/invocations"
        with urlopen(Request(url, b'{"to": 2}'), timeout=60) as response:
            assert response.read() == b"number,square\n1,1\n2,4\n"

"""boto3 as a caller of InvokeWithResponseStream, with our own runtime behind it."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.servers import Server, pilotlight

STREAMER = Path(__file__).parent / "streamer"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def streamer() -> Iterator[Server]:
    """A server whose function streams."""
    with pilotlight(STREAMER, "--timeout", "20", function="streamer") as running:
        yield running


@pytest.fixture(scope="module")
def client(streamer: Server) -> Iterator[Any]:
    """boto3, without retries."""
    made = streamer.client()
    yield made
    made.close()


def stream(client: Any, event: object, **options: Any) -> Any:  # noqa: ANN401
    """Invoke, and give what boto3 makes of the answer."""
    return client.invoke_with_response_stream(FunctionName="streamer", Payload=json.dumps(event), **options)


def test_pieces_come_while_the_function_writes(client: Any) -> None:  # noqa: ANN401
    """The first is read long before the last is written."""
    response = stream(client, {"pieces": 2, "pause_s": 0.2})
    read = [
        (event["PayloadChunk"]["Payload"], time.time()) for event in response["EventStream"] if "PayloadChunk" in event
    ]
    first, second = read
    assert first[1] < float(second[0].split()[1])
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert response["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"


def test_an_error_on_the_way(client: Any) -> None:  # noqa: ANN401
    """What was written, and then what went wrong, with the log."""
    *pieces, end = list(stream(client, {"pieces": 1, "fail": True}, LogType="Tail")["EventStream"])
    assert len(pieces) == 1
    complete = end["InvokeComplete"]
    assert (complete["ErrorCode"], json.loads(complete["ErrorDetails"])["errorType"]) == ("Unhandled", "LookupError")
    assert b"REPORT RequestId" in base64.b64decode(complete["LogResult"])


def test_more_than_a_buffered_answer_may_hold(client: Any, streamer: Server) -> None:  # noqa: ANN401
    """Thirty megabytes arrive, and the server does not hold them."""
    before = streamer.resident_bytes()
    *pieces, end = list(stream(client, {"pieces": 0, "mebibytes": 30})["EventStream"])
    assert sum(len(piece["PayloadChunk"]["Payload"]) for piece in pieces) == 30 * MIB
    assert end == {"InvokeComplete": {}}
    assert streamer.resident_bytes() - before < 16 * MIB


def test_a_dry_run(client: Any) -> None:  # noqa: ANN401
    """Nothing is invoked, and there is nothing to read."""
    response = stream(client, {}, InvocationType="DryRun")
    assert (response["StatusCode"], list(response["EventStream"])) == (204, [])


def test_a_refusal(client: Any) -> None:  # noqa: ANN401
    """It is an exception of the client, as for any call."""
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName="nobody")
    with pytest.raises(ClientError, match="Could not parse request body into json"):
        client.invoke_with_response_stream(FunctionName="streamer", Payload=b"{")


def test_invoke_collects(client: Any) -> None:  # noqa: ANN401
    """The same function by Invoke."""
    answer = client.invoke(FunctionName="streamer", Payload=json.dumps({"pieces": 2}))["Payload"].read()
    assert [answer[:2], answer.count(b" ")] == [b"0 ", 2]

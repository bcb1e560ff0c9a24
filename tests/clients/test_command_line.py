"""The AWS CLI and curl as callers."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable

import pytest

from benchmarks.servers import Server

Aws = Callable[..., "subprocess.CompletedProcess[str]"]
NAME = ("invoke", "--function-name", "probe")


def test_aws_invoke(aws: Aws) -> None:
    """The payload goes to standard output, what came with it behind."""
    done = aws(*NAME, "--payload", '{"a": "ä"}', "/dev/stdout")
    answer, end = json.JSONDecoder().raw_decode(done.stdout)
    assert answer["event"] == {"a": "ä"}
    assert json.loads(done.stdout[end:]) == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}


def test_aws_invoke_shows_errors_and_logs(aws: Aws) -> None:
    """A function error and its log tail are in what the CLI prints; the CLI itself succeeds."""
    done = aws(*NAME, "--payload", '{"do": "raise"}', "--log-type", "Tail", "answer.json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["FunctionError"]) == (0, "Unhandled")
    assert base64.b64decode(said["LogResult"]).startswith(b"START RequestId: ")


def test_aws_invoke_of_nobody(aws: Aws) -> None:
    """A refusal is told by its exception's name."""
    done = aws("invoke", "--function-name", "nobody", "answer.json")
    assert done.returncode != 0
    assert "(ResourceNotFoundException) when calling the Invoke operation: Function not found: arn:aws:" in done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_curl(server: Server) -> None:
    """The line the documentation shows works as it is."""
    command = ["curl", "-sS", "-i", server.url + server.path, "-d", '{"a": 1}']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    head, _, body = done.stdout.partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK")
    assert json.loads(body)["event"] == {"a": 1}

"""boto3 as a caller."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:probe"
MIB = 1024 * 1024


def _invoke(client: Any, payload: object = None, **options: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    response = client.invoke(**{"FunctionName": "probe", "Payload": json.dumps(payload), **options})
    return json.loads(response["Payload"].read()), response


@pytest.mark.parametrize("event", [{"a": [1, 2.5, None]}, "ä ☂ 𝄞", [], 0, None, {"text": '\x00\n"\\'}])
def test_payload_round_trip(client: Any, event: object) -> None:  # noqa: ANN401
    """Any JSON arrives as it was sent, and so does the answer."""
    answer, response = _invoke(client, event)
    assert answer["event"] == event
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response


def test_large_payload_round_trip(client: Any) -> None:  # noqa: ANN401
    """Five megabytes go both ways."""
    event = "x" * (5 * MIB)
    assert _invoke(client, event)[0]["event"] == event


def test_no_payload(client: Any) -> None:  # noqa: ANN401
    """A call without a payload is a call with an empty object."""
    response = client.invoke(FunctionName="probe")
    assert json.loads(response["Payload"].read())["event"] == {}


@pytest.mark.parametrize(("do", "error_type"), [("raise", "LookupError"), ("exit", "Runtime.ExitError")])
def test_function_error(client: Any, do: str, error_type: str) -> None:  # noqa: ANN401
    """A function's failure is an answer with status 200 and a flag, whoever found it."""
    answer, response = _invoke(client, {"do": do})
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert answer["errorType"] == error_type


def test_one_request_id_everywhere(client: Any) -> None:  # noqa: ANN401
    """The id the caller is told is the one the function sees and every line of the log names."""
    answer, response = _invoke(client, {}, LogType="Tail")
    request_id = response["ResponseMetadata"]["RequestId"]
    lines = base64.b64decode(response["LogResult"]).decode().splitlines()
    assert answer["request_id"] == request_id
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert f"saw request {request_id}" in lines
    assert f"END RequestId: {request_id}" in lines
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")


def test_log_tail_of_an_error(client: Any) -> None:  # noqa: ANN401
    """A function error brings its traceback in the tail."""
    _, response = _invoke(client, {"do": "raise"}, LogType="Tail")
    assert "no such bird: kestrel" in base64.b64decode(response["LogResult"]).decode()


def test_no_log_tail_unasked(client: Any) -> None:  # noqa: ANN401
    """The log stays where it is unless it is asked for."""
    assert "LogResult" not in _invoke(client)[1]


def test_client_context(client: Any) -> None:  # noqa: ANN401
    """What a caller puts into the client context is in the handler's context."""
    context = base64.b64encode(json.dumps({"custom": {"bird": "Rotmilan, ä ☂"}}).encode()).decode()
    assert _invoke(client, {}, ClientContext=context)[0]["custom"] == {"bird": "Rotmilan, ä ☂"}


@pytest.mark.parametrize(
    ("name", "qualifier", "arn"),
    [
        ("probe", None, ARN),
        ("probe:$LATEST", None, f"{ARN}:$LATEST"),
        ("probe", "$LATEST", f"{ARN}:$LATEST"),
        ("123456789012:function:probe", None, ARN),
        ("function:probe", None, ARN),
        (ARN, None, ARN),
        (f"{ARN}:$LATEST", "$LATEST", f"{ARN}:$LATEST"),
    ],
)
def test_ways_to_name_a_function(client: Any, name: str, qualifier: str | None, arn: str) -> None:  # noqa: ANN401
    """Names, partial and full ARNs and qualifiers reach the function, which sees the ARN as it was addressed."""
    options = {"Qualifier": qualifier} if qualifier else {}
    assert _invoke(client, {}, FunctionName=name, **options)[0]["arn"] == arn


def test_dry_run(client: Any) -> None:  # noqa: ANN401
    """A dry run answers 204 and nothing else."""
    response = client.invoke(FunctionName="probe", InvocationType="DryRun")
    assert (response["StatusCode"], response["Payload"].read()) == (204, b"")


@pytest.mark.parametrize("name", ["nobody", f"{ARN}s", "probe:7", "probe:blue"])
def test_resource_not_found(client: Any, name: str) -> None:  # noqa: ANN401
    """A function, version or alias that is not there is a ResourceNotFoundException."""
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.invoke(FunctionName=name)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["Error"]["Message"].startswith("Function not found: arn:aws:lambda:")


@pytest.mark.parametrize("payload", [b"{", b"{'a': 1}", b"\xff", b"NaN"])
def test_invalid_request_content(client: Any, payload: bytes) -> None:  # noqa: ANN401
    """A payload that is not JSON is refused before any function sees it."""
    with pytest.raises(
        client.exceptions.InvalidRequestContentException, match="Could not parse request body into json"
    ):
        client.invoke(FunctionName="probe", Payload=payload)


def test_too_many_requests(full_client: Any) -> None:  # noqa: ANN401
    """A call that finds no sandbox is told why, and when to come back."""
    with pytest.raises(full_client.exceptions.TooManyRequestsException) as caught:
        full_client.invoke(FunctionName="probe")
    response = caught.value.response
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


def test_request_too_large(client: Any) -> None:  # noqa: ANN401
    """One byte over 6 MiB is refused, and the caller hears it although it was still sending."""
    payload = b'"' + b"a" * (6 * MIB - 1) + b'"'
    with pytest.raises(client.exceptions.RequestTooLargeException) as caught:
        client.invoke(FunctionName="probe", Payload=payload)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_largest_request(client: Any) -> None:  # noqa: ANN401
    """Exactly 6 MiB is an event; its answer is larger than one may be, and the function is told so."""
    answer, response = _invoke(client, "a" * (6 * MIB - 2))
    assert (answer["errorType"], response["FunctionError"]) == ("Function.ResponseSizeTooLarge", "Unhandled")


def test_event(client: Any) -> None:  # noqa: ANN401
    """Accepted, with nothing to say but the request id; so is the old operation, and what is too large is not."""
    response = client.invoke(FunctionName="probe", InvocationType="Event", Payload=b"{}")
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    assert response["ResponseMetadata"]["RequestId"]
    assert not {"ExecutedVersion", "FunctionError", "LogResult"} & set(response)
    assert client.invoke_async(FunctionName="probe", InvokeArgs=b"{}")["Status"] == 202
    with pytest.raises(ClientError, match="1048577 byte payload is too large for the Event invocation type") as caught:
        client.invoke(FunctionName="probe", InvocationType="Event", Payload=b'"%b"' % (b"x" * (MIB - 1)))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413

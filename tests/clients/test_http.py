"""What any HTTP client meets: traces, refusals, and a server that no request harms."""

import base64
import json
import re
from urllib.parse import quote

import pytest

from .conftest import Http

FUNCTIONS = "/2015-03-31/functions"
INVOKE = f"{FUNCTIONS}/probe/invocations"


def test_trace_is_passed_on(http: Http) -> None:
    """A caller's trace header reaches the function and comes back, the function counted in it."""
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    reply = http(headers={"X-Amzn-Trace-Id": trace})
    assert re.fullmatch(f"{trace};Lineage=1:[0-9a-f]{{8}}:0", reply.value["trace"])
    assert reply.headers["X-Amzn-Trace-Id"] == reply.value["trace"]


def test_trace_is_made(http: Http) -> None:
    """Without one, function and caller are given the same new one."""
    reply = http()
    made = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0"
    assert re.fullmatch(made, reply.value["trace"])
    assert reply.headers["X-Amzn-Trace-Id"] == reply.value["trace"]


def test_arn_arrives_encoded(http: Http) -> None:
    """An ARN is understood with its colons and dollar percent-encoded and without."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:probe:$LATEST"
    for name in (arn, quote(arn, safe="")):
        assert http(path=f"{FUNCTIONS}/{name}/invocations").value["arn"] == arn


def test_healthz(http: Http) -> None:
    """Whoever watches the server asks here."""
    assert http(None, "/healthz", "GET").status == 200


@pytest.mark.parametrize("path", ["/", "/nothing", f"{FUNCTIONS}/probe", "/2015-03-31/functions/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_paths(http: Http, path: str, method: str) -> None:
    """Any other path is refused in the API's own form, with what there is instead."""
    reply = http(None, path, method)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
    assert INVOKE.replace("probe", "{name}") in reply.value["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(http: Http, method: str) -> None:
    """Invoke is a POST, and nothing else is run."""
    assert http(None, INVOKE, method).status == 405


def test_client_context_over_several_lines(http: Http) -> None:
    """A client context with line ends in it is no way to add headers to what the runtime reads."""
    text = '{"custom":\r\n{"a": "b\\r\\nLambda-Runtime-Aws-Request-Id: forged"}\r\n}'
    reply = http(headers={"X-Amz-Client-Context": base64.b64encode(text.encode()).decode()})
    assert reply.value["custom"] == json.loads(text)["custom"]
    assert reply.value["request_id"] == reply.headers["x-amzn-RequestId"]


@pytest.mark.parametrize("context", ["!", "e30", base64.b64encode(b"[]").decode(), base64.b64encode(b"\xff").decode()])
def test_client_context_that_is_none(http: Http, context: str) -> None:
    """What is not a JSON object in base64 is refused."""
    reply = http(headers={"X-Amz-Client-Context": context})
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestContentException")


@pytest.mark.parametrize(
    "name", ["", "probe%0d%0aX-Evil:%201", "probe%00", "%ff", "probe%2f..%2fprobe", "a" * 300, "%25"]
)
def test_names_that_are_none(http: Http, name: str) -> None:
    """A name no function can have is refused, and adds nothing to the answer's headers."""
    reply = http(path=f"{FUNCTIONS}/{name}/invocations")
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert "X-Evil" not in reply.headers


@pytest.mark.parametrize("name", ["X-Amz-Invocation-Type", "X-Amz-Log-Type"])
def test_headers_out_of_range(http: Http, name: str) -> None:
    """A header that has no such value is refused as the service does."""
    reply = http(headers={name: "Sideways"})
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationException")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"BREW %b HTTP/1.1\r\nHost: x\r\n\r\n" % INVOKE.encode(),
        b"POST %b HTTP/9.9\r\nHost: x\r\n\r\n" % INVOKE.encode(),
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n" % INVOKE.encode(),
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" % INVOKE.encode(),
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{}" % INVOKE.encode(),
        b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" % INVOKE.encode(),
        b"POST %b HTTP/1.1\r\nHost: x\r\nX-Amzn-Trace-Id: a\x00b\r\nContent-Length: 2\r\n\r\n{}" % INVOKE.encode(),
        b"POST %b HTTP/1.1\r\nHost: x\r\nX-Long: %b\r\n\r\n" % (INVOKE.encode(), b"a" * 1_500_000),
        b"POST /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"\xff" * 20),
        b"POST %b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"/" * 100_000),
    ],
)
def test_broken_requests_harm_nobody(http: Http, data: bytes) -> None:
    """Whatever arrives, its sender is refused or dropped, and the next caller is served."""
    assert not http.raw(data).startswith(b"HTTP/1.1 200")
    assert http().status == 200


def test_chunked_payload(http: Http) -> None:
    """A payload without an announced length is a payload all the same."""
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" % INVOKE.encode()
    answer = http.raw(head + b'4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n', half_close=False)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["event"] == {"a": 1}


def test_pipelined_requests(http: Http) -> None:
    """Two requests in one write are answered in their order."""
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" % INVOKE.encode()
    answers = http.raw(head + b"\r\n1" + head + b"Connection: close\r\n\r\n2", half_close=False)
    assert re.findall(rb'"event": (\d)', answers) == [b"1", b"2"]

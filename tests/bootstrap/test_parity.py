"""The same function under awslambdaric and under the bootstrap, against the same server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI, Request
from .function import BOOTSTRAP, Function, Outcome

pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")

COMMANDS = {"awslambdaric": ["-m", "awslambdaric", "app.handler"], "bootstrap": [str(BOOTSTRAP), "app.handler"]}
SAME_HEADERS = ("content-type", "lambda-runtime-invocation-id")
CLIENT_CONTEXT = '{"client": {"app_title": "t"}, "custom": {"a": 1}, "w3c": {"traceparent": "x"}}'
IDENTITY = '{"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}'

RESULTS = [
    "event",
    "None",
    "b'raw'",
    "'\\u00e4\\U0001f600'",
    "{'a': (1, 2.0, True), 'b': {1: None}}",
    "Decimal('1.10')",
    "[Decimal('1E+2')]",
    "Point(1, Point(2, 'x'))",
    "{'raw': b'bytes'}",
    "OrderedDict(b=1, a=2)",
    "float('1e16')",
    "[repr(context), context.w3c(), repr(context.client_context), repr(context.identity)]",
    "{1}",
    "[object()]",
    "{(1, 2): 3}",
    "[b'\\xff']",
]
RAISED = [
    "raise ValueError('x')",
    "raise ValueError",
    "raise KeyError('k')",
    "raise type('Odd', (Exception,), {})('ä')",
    "1 / 0",
    "inner()",
    "open('/nowhere')",
    "raise ValueError('one') from KeyError('two')",
]
SOURCE = """
from collections import OrderedDict, namedtuple
from decimal import Decimal
Point = namedtuple("Point", "x y")
def inner(): raise LookupError("deep")
def handler(event, context):
    {statement}
"""
ENVIRON = {"AWS_LAMBDA_FUNCTION_NAME": "demo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}
HEADERS = {
    "Lambda_Runtime_Client_Context": CLIENT_CONTEXT,
    "Lambda_Runtime_Cognito_Identity": IDENTITY,
    "Lambda_Runtime_Invocation_Id": "inv-1",
    "Lambda_Runtime_Aws_Tenant_Id": "blue",
    "Lambda_Runtime_Trace_Id": "Root=1-a",
}
HEADER_CAUSE = "lambda-runtime-function-xray-error-cause"
HEADER_ERROR_TYPE = "lambda-runtime-function-error-type"


@dataclass
class Twin:
    """The same function twice, each with a server of its own."""

    functions: list[Function]

    def run(self, statement: str, *events: dict[str, str], body: bytes = b'{"k": [1, null]}') -> list[Outcome]:
        """Run with a handler of one statement; an event is given by its additional headers."""
        for function in self.functions:
            function.write(SOURCE.format(statement=statement))
            for headers in events or [{}]:
                function.api.event(body, **headers)
        return [function.run() for function in self.functions]


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    """One function for each implementation, in the same folder so that file names are equal."""
    apis = [FakeRuntimeAPI(), FakeRuntimeAPI()]
    functions = [Function(api, tmp_path / name) for api, name in zip(apis, COMMANDS, strict=True)]
    for function, command in zip(functions, COMMANDS.values(), strict=True):
        function.command = list(command)
        function.root = function.cwd = tmp_path
        function.environ |= ENVIRON | {"LAMBDA_TASK_ROOT": str(tmp_path)}
    yield Twin(functions)
    for function in functions:
        function.kill()
        function.api.close()


def wire_form(post: Request) -> tuple[str, bytes, list[str | None]]:
    """What of a request has to be equal."""
    return post.path, post.body, [post.headers.get(name) for name in SAME_HEADERS]


@pytest.mark.parametrize("execution_env", ["", "AWS_Lambda_python3.11", "AWS_Lambda_python3.12"])
@pytest.mark.parametrize("result", RESULTS)
def test_results_are_equal(twin: Twin, result: str, execution_env: str) -> None:
    """Path, body, content type and log, byte for byte."""
    for function in twin.functions:
        function.environ["AWS_EXECUTION_ENV"] = execution_env
    theirs, ours = twin.run(f"return {result}", HEADERS)
    assert wire_form(ours.post) == wire_form(theirs.post)
    assert ours.stdout == theirs.stdout


@pytest.mark.parametrize("statement", RAISED)
def test_errors_are_equal(twin: Twin, statement: str) -> None:
    """Body, X-Ray cause and log, byte for byte."""
    theirs, ours = twin.run(statement, HEADERS)
    assert wire_form(ours.post) == wire_form(theirs.post)
    assert ours.stdout == theirs.stdout
    assert ours.post.headers[HEADER_CAUSE] == theirs.post.headers[HEADER_CAUSE]


@pytest.mark.parametrize("body", [b"{bad", b"", b'"\xff"', b"[1,]", b"\xef\xbb\xbf[1]", b'{"a": 1, "a": 2}', b'"\x01"'])
def test_events_are_read_alike(twin: Twin, body: bytes) -> None:
    """What is accepted, and the error for what is not."""
    theirs, ours = twin.run("return event", body=body)
    if isinstance(theirs.post.json(), dict) and "errorType" in theirs.post.json():
        assert ours.post.json()["errorType"] == theirs.post.json()["errorType"]
        assert ours.post.json()["errorMessage"][:25] == theirs.post.json()["errorMessage"][:25]
    else:
        assert ours.post.body == theirs.post.body


@pytest.mark.parametrize("header", ["Lambda_Runtime_Client_Context", "Lambda_Runtime_Cognito_Identity"])
def test_a_bad_context_is_reported_alike(twin: Twin, header: str) -> None:
    """Type and message of what cannot be parsed."""
    theirs, ours = twin.run("return 1", {header: "{bad"})
    assert ours.post.json() == theirs.post.json()


@pytest.mark.parametrize("name", ["missing.main", "a/b.main", "app.nothing", "nodot", "sys.exit", "broken.handler"])
def test_load_failures_are_reported_alike(twin: Twin, name: str) -> None:
    """Path, body, error type and exit status."""
    for function in twin.functions:
        function.write("import (\n", "broken.py")
        function.command[-1] = name
    theirs, ours = twin.run("return 1")
    assert ours.post.json() == theirs.post.json()
    assert ours.post.path == theirs.post.path
    assert ours.post.headers[HEADER_ERROR_TYPE] == theirs.post.headers[HEADER_ERROR_TYPE]
    assert ours.status == theirs.status == 1

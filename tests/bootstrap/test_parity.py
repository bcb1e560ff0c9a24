"""Where the bootstrap does what awslambdaric does."""

import pytest

from .fake_runtime_api import Request
from .twin import Twin

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
    "raise ValueError('one') from None",
]
RELATED = ["raise ValueError('one') from KeyError('two')", "try: 1 / 0\n    except ArithmeticError: raise KeyError"]
DOCUMENTED = ("errorMessage", "errorType", "requestId", "stackTrace")
HEADERS = {
    "Lambda_Runtime_Client_Context": CLIENT_CONTEXT,
    "Lambda_Runtime_Cognito_Identity": IDENTITY,
    "Lambda_Runtime_Invocation_Id": "inv-1",
    "Lambda_Runtime_Aws_Tenant_Id": "blue",
    "Lambda_Runtime_Trace_Id": "Root=1-a",
}
HEADER_CAUSE = "lambda-runtime-function-xray-error-cause"
HEADER_ERROR_TYPE = "lambda-runtime-function-error-type"


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


@pytest.mark.parametrize("statement", RELATED)
def test_errors_with_a_cause_begin_alike(twin: Twin, statement: str) -> None:
    """The documented members, and the lines of the log up to the cause, byte for byte; then we say more."""
    theirs, ours = twin.run(statement, HEADERS)
    assert list(ours.post.json()) == [*DOCUMENTED, *(ours.post.json().keys() - DOCUMENTED)]
    assert {name: ours.post.json()[name] for name in DOCUMENTED} == theirs.post.json()
    assert ours.stdout.startswith(theirs.stdout.rstrip("\n") + "\r")
    assert len(ours.post.json()) == len(DOCUMENTED) + 1


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


BAD_NAMES = [
    *("missing.main", "a/b.main", "a.b.main", "app.nothing", "nodot", "sys.exit", "sys.x.handler", "sys/x.handler"),
    *("broken.handler", "app.", "app..handler", "app/.handler", "app.handler.", "app.Odd.method", "app.py.handler"),
    *("a b.handler", "app.hand ler", "äpp.handler", "app-1.handler", "raises.handler", "needs.handler", "time.sleep"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_load_failures_are_reported_alike(twin: Twin, name: str) -> None:
    """Path, body, error type and exit status."""
    for function in twin.functions:
        function.write("import (\n", "broken.py")
        function.write("raise type('Odd', (ValueError,), {})('no', 1)\n", "raises.py")
        function.write("from os import nothing\n", "needs.py")
        function.command[-1] = name
    theirs, ours = twin.run("return 1")
    our_report, their_report = ours.post.json(), theirs.post.json()
    our_stack, their_stack = our_report["stackTrace"], their_report["stackTrace"]
    assert their_stack[len(their_stack) - len(our_stack) :] == our_stack  # ours has no frames of the import system
    assert [our_report[key] for key in DOCUMENTED[:3]] == [their_report[key] for key in DOCUMENTED[:3]]
    assert ours.post.path == theirs.post.path
    assert ours.post.headers[HEADER_ERROR_TYPE] == theirs.post.headers[HEADER_ERROR_TYPE]
    assert ours.status == theirs.status == 1

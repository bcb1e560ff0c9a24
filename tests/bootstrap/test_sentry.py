"""Monitoring tools: Sentry's own AWS Lambda integration as it is, and what others like it replace."""

import json
import time
from typing import Any

import pytest

from .fake_runtime_api import PATIENCE_S, FakeRuntimeAPI
from .function import Function

SENTRY = """
import json, os, sys, time
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.transport import Transport

class ToFile(Transport):
    def capture_envelope(self, envelope):
        with open("captured", "a") as file:
            for item in envelope.items:
                if item.type == "event":
                    file.write(json.dumps(item.payload.json) + "\\n")

sentry_sdk.init(
    dsn="http://key@localhost/1",
    transport=ToFile,
    integrations=[AwsLambdaIntegration(timeout_warning=True)],
    auto_enabling_integrations=False,
)
"""


@pytest.fixture
def monitored(function: Function) -> Function:
    """A function that calls `sentry_sdk.init` first."""
    pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")
    function.environ |= {"AWS_LAMBDA_FUNCTION_NAME": "demo", "AWS_REGION": "eu-west-1"}
    return function


def write(function: Function, source: str) -> None:
    """The source of the function, below the set-up of Sentry."""
    function.write(SENTRY + source)


def captured(function: Function) -> list[dict[str, Any]]:
    """What Sentry would have sent."""
    file = function.root / "captured"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def exception(event: dict[str, Any]) -> tuple[str, str]:
    """Type and message of the exception in an event."""
    last = event["exception"]["values"][-1]
    return last["type"], last["value"]


def functions(event: dict[str, Any], file: str = "app.py") -> list[str]:
    """Names of the functions in the frames of one file, outermost first."""
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    return [frame["function"] for frame in frames if frame["filename"] == file]


def test_an_error_of_the_handler_is_captured(monitored: Function, api: FakeRuntimeAPI) -> None:
    """With the function's frames and the data of the invocation; the answers are what they are without Sentry."""
    write(
        monitored, "def work(): raise LookupError('gone')\ndef handler(event, context): return work() if event else 1"
    )
    api.event(b"{}", "first")
    api.event(b'{"a": 1}', "second")
    outcome = monitored.run()
    result, error = outcome.posts
    assert (result.body, error.path.split("/")[-2:]) == (b"1", ["second", "error"])
    assert (error.json()["errorType"], error.json()["errorMessage"]) == ("LookupError", "gone")
    (event,) = captured(monitored)
    assert (exception(event), functions(event)) == (("LookupError", "gone"), ["handler", "work"])
    assert event["extra"]["lambda"]["aws_request_id"] == "second"
    assert event["extra"]["lambda"]["function_name"] == "demo"
    assert event["exception"]["values"][-1]["mechanism"]["handled"] is False


def test_an_error_of_an_async_handler_is_captured(monitored: Function, api: FakeRuntimeAPI) -> None:
    """The coroutine runs within what Sentry has wrapped."""
    source = "import asyncio\nasync def handler(event, context):\n    await asyncio.sleep(0); raise LookupError('gone')"
    write(monitored, source)
    api.event()
    assert monitored.run().post.json()["errorType"] == "LookupError"
    (event,) = captured(monitored)
    assert (exception(event), functions(event)) == (("LookupError", "gone"), ["handler"])


def test_an_error_of_a_generator_is_captured(monitored: Function, api: FakeRuntimeAPI) -> None:
    """Before the first byte as any error."""
    write(monitored, "def handler(event, context):\n    raise LookupError('gone')\n    yield")
    api.event()
    assert monitored.run().post.json()["errorType"] == "LookupError"
    assert [exception(event) for event in captured(monitored)] == [("LookupError", "gone")]


def test_a_failure_to_load_is_captured(monitored: Function) -> None:
    """It is being handled at the moment of the report, so that its frames are there."""
    write(monitored, "def connect(): raise LookupError('no table')\nconnect()")
    outcome = monitored.run()
    assert (outcome.status, outcome.post.path.rpartition("/runtime/")[2]) == (1, "init/error")
    (event,) = captured(monitored)
    assert (exception(event), functions(event)) == (("LookupError", "no table"), ["<module>", "connect"])


def test_a_warning_comes_before_the_timeout(monitored: Function, api: FakeRuntimeAPI) -> None:
    """Sentry counts from the remaining time; the invocation itself goes on."""
    deadline_ms = int((time.time() + PATIENCE_S) * 1000)
    # Half a second after the function is loaded, however long that takes.
    write(
        monitored,
        f"""
import sentry_sdk.integrations.aws_lambda as integration
integration.TIMEOUT_WARNING_BUFFER = {deadline_ms} - time.time() * 1000 - 500

def handler(event, context):
    while not os.path.exists("captured") and context.get_remaining_time_in_millis():
        time.sleep(0.01)
    return "in time"
""",
    )
    api.event(Lambda_Runtime_Deadline_Ms=str(deadline_ms))
    assert monitored.run().post.json() == "in time"
    (event,) = captured(monitored)
    assert exception(event)[0] == "ServerlessTimeoutWarning"


def test_events_are_sent_before_the_answer(monitored: Function, api: FakeRuntimeAPI) -> None:
    """Sentry empties its queue within the methods it replaces; afterwards the process may be frozen."""
    write(
        monitored,
        """
flush = sentry_sdk.get_client().flush
sentry_sdk.get_client().flush = lambda *args, **options: (print("flushed"), flush(*args, **options))[1]
def handler(event, context): return 1 / event
""",
    )
    seen: list[str] = []
    api.on_post = lambda: seen.append(monitored.stdout().replace("\r", "\n").splitlines()[-1])
    api.event(b"1")
    api.event(b"0")
    monitored.run()
    assert seen == ["flushed", "flushed"]


REPLACED = """
import json, sys
bootstrap = sys.modules["bootstrap"]
calls = []

def replace(owner, name):
    original = getattr(owner, name)
    def replacement(*args, **kwargs):
        print(name, len(args), sorted(kwargs), file=sys.stderr)
        return original(*args, **kwargs)
    setattr(owner, name, replacement)

handle = bootstrap.handle_event_request
def event_handler(lambda_runtime_client, request_handler, *args, **kwargs):
    def wrapped(event, context):
        try:
            return request_handler(event, context)
        except Exception as error:
            print("noticed", error, file=sys.stderr)
            raise
    return handle(lambda_runtime_client, wrapped, *args, **kwargs)

bootstrap.handle_event_request = event_handler
for name in ("post_invocation_result", "post_invocation_error", "post_init_error"):
    replace(bootstrap.LambdaRuntimeClient, name)
"""


def test_replaced_functions_are_called(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The loop looks them up by their names, each time; the arguments of AWS's own client come first."""
    any_python.write(REPLACED + "def handler(event, context): return 1 / event\n")
    api.event(b"1")
    api.event(b"0")
    outcome = any_python.run()
    assert [post.path.rpartition("/")[2] for post in outcome.posts] == ["response", "error"]
    assert [line.split()[0] for line in outcome.stderr.splitlines()] == [
        "post_invocation_result",
        "noticed",
        "post_invocation_error",
    ]


def test_a_replaced_report_of_a_failed_load_is_called(any_python: Function) -> None:
    """The class is the one the loading uses."""
    any_python.write(REPLACED + "import nowhere\n")
    outcome = any_python.run()
    assert outcome.stderr.startswith("post_init_error ")
    assert outcome.post.json()["errorType"] == "Runtime.ImportModuleError"


def test_a_replacement_may_answer_with_text(function: Function, api: FakeRuntimeAPI) -> None:
    """Body and error report may be str, as AWS's own client takes them; a cause may be left out."""
    function.write("""
        import sys
        client = sys.modules["bootstrap"].LambdaRuntimeClient
        result, error = client.post_invocation_result, client.post_invocation_error
        client.post_invocation_result = lambda self, id, data, *rest: result(self, id, '"é"', "text/plain", *rest[1:])
        client.post_invocation_error = lambda self, id, data, xray, *rest, **more: error(self, id, '{"a": "é"}', "")
        def handler(event, context): return 1 / event
        """)
    api.event(b"1", Lambda_Runtime_Invocation_Id="inv")
    api.event(b"0")
    answer, report = function.run().posts
    assert (answer.body.decode(), answer.headers["content-type"]) == ('"é"', "text/plain")
    assert answer.headers["lambda-runtime-invocation-id"] == "inv"
    assert (report.json(), "lambda-runtime-function-xray-error-cause" in report.headers) == ({"a": "é"}, False)


MARSHALLER = """
import sys
class Mine:
    def unmarshal_request(self, request, content_type="application/json"):
        return {statement_in}
    def marshal_response(self, response):
        return {statement_out}
sys.modules["bootstrap"].LambdaRuntimeClient.marshaller = Mine()
def handler(event, context): return event
"""


@pytest.mark.parametrize(
    ("statement_out", "body", "content_type"),
    [
        ("response.decode() + 'é', 'text/plain'", "eventé".encode(), "text/plain"),
        ("response.upper(), 'application/octet-stream'", b"EVENT", "application/octet-stream"),
    ],
)
def test_a_marshaller_of_the_function_is_used(
    any_python: Function, api: FakeRuntimeAPI, statement_out: str, body: bytes, content_type: str
) -> None:
    """As AWS's client documents it: an attribute of the class; it gives bytes or str."""
    any_python.write(MARSHALLER.format(statement_in="request", statement_out=statement_out))
    api.event(b"event")
    post = any_python.run().post
    assert (post.body, post.headers["content-type"]) == (body, content_type)


@pytest.mark.parametrize(
    ("statement_in", "statement_out", "error_type"),
    [
        ("1 / 0", "b'', ''", "ZeroDivisionError"),
        ("request", "1 / 0", "ZeroDivisionError"),
        ("request", "sys.exit(3)", "SystemExit"),
        ("request", "None", "TypeError"),
        ("request", "(5, 'text/plain')", "TypeError"),
        ("request", "(b'', 'text/plain\\r\\nX-Evil: 1')", "ValueError"),
    ],
)
def test_a_marshaller_that_fails_fails_the_invocation(
    function: Function, api: FakeRuntimeAPI, statement_in: str, statement_out: str, error_type: str
) -> None:
    """Its error is reported like one of the handler, in the words of ours."""
    function.write(MARSHALLER.format(statement_in=statement_in, statement_out=statement_out))
    api.event(b"event")
    post = function.run().post
    assert (post.path.rpartition("/")[2], post.json()["errorType"]) == ("error", error_type)
    assert "x-evil" not in post.headers
